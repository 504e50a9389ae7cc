"""What the blocks of one forward pass share, beside the residual stream that goes from one to the next."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from nn.attention_backends import Mask
from nn.kv_cache import KVCache


@dataclass
class ForwardState:
    """Made by the model at the start of a pass, and read by every block."""

    token_positions: Int[Tensor, "*#b t"] | None = None
    """What rotary embedding turns by; 0, 1, 2, … if not given."""
    mask: Mask = None
    """Who may see whom; the plain causal mask if not given."""
    cache: KVCache | None = None
    """What has been read before, and where this pass is noted."""
    embedding: Float[Tensor, "b t d"] | None = None
    """The first residual stream, for the embedding shortcut."""
    first_values: Float[Tensor, "b kv t e"] | None = None
    """The first block's values, noted by it for the value residual of the others."""
