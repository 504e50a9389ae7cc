"""Two orders of a head's rows: which two of them are a pair that rotary embedding rotates.

This library, the paper (Su et al. 2021, arXiv:2104.09864, eq. 15) and llama2.c rotate neighbours, (x[2p], x[2p+1]).
Hugging Face's Llama rotates one half against the other, (x[p], x[p + e/2]). Queries and keys have the same order, so
their products are the same either way: only the rows of their two projections have to be reordered.
"""

import einx
from jaxtyping import Shaped
from torch import Tensor


def pairs_to_halves(weight: Shaped[Tensor, "rows d"], num_heads: int) -> Shaped[Tensor, "rows d"]:
    """Reorder a query or key projection from neighbouring pairs to halves: first all x[2p], then all x[2p+1]."""
    return einx.id("(h p two) d -> (h two p) d", weight, h=num_heads, two=2)


def halves_to_pairs(weight: Shaped[Tensor, "rows d"], num_heads: int) -> Shaped[Tensor, "rows d"]:
    """Reorder a query or key projection from halves to neighbouring pairs."""
    return einx.id("(h two p) d -> (h p two) d", weight, h=num_heads, two=2)
