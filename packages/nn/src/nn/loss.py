"""The loss of a language model from its hidden states."""

from jaxtyping import Float, Int
from torch import Tensor

from nn.functional import cross_entropy
from nn.functional import soft_cap as cap


def linear_cross_entropy(
    hidden: Float[Tensor, "... d"],
    weight: Float[Tensor, "vocab d"],
    targets: Int[Tensor, "..."],
    *,
    soft_cap: float | None = None,
    chunk_tokens: int | None = None,  # noqa: ARG001 all at once
) -> Float[Tensor, ""]:
    """Return the mean cross-entropy of the logits `hidden @ weightᵀ`, in nats."""
    logits = hidden @ weight.T
    return cross_entropy(logits if soft_cap is None else cap(logits, soft_cap), targets)
