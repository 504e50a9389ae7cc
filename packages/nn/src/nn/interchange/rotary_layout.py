"""Two orders of a head's rows: which two numbers are a pair that rotary embedding turns.

We, the paper (Su et al. 2021, arXiv:2104.09864, eq. 15) and llama2.c turn neighbours, (x[2p], x[2p+1]). Hugging Face's
Llama turns halves against each other, (x[p], x[p + d_k/2]). A query meets only keys of the same order, so the product
is the same either way, and the rows of the two projections that make them need only be sorted anew.
"""

import einx
from jaxtyping import Shaped
from torch import Tensor


def pairs_to_halves(weight: Shaped[Tensor, "rows d_model"], num_heads: int) -> Shaped[Tensor, "rows d_model"]:
    """Sort a query or key projection from neighbouring pairs to halves: first all x[2p], then all x[2p+1]."""
    return einx.id("(h p two) d -> (h two p) d", weight, h=num_heads, two=2)


def halves_to_pairs(weight: Shaped[Tensor, "rows d_model"], num_heads: int) -> Shaped[Tensor, "rows d_model"]:
    """Sort a query or key projection from halves to neighbouring pairs."""
    return einx.id("(h two p) d -> (h p two) d", weight, h=num_heads, two=2)
