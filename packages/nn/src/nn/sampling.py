"""Choosing the next token from logits."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from nn.functional import softmax

_GREEDY_BELOW = 1e-30  # float32 has hardly smaller numbers to divide by, and at 1e-30 all is greedy anyway


@dataclass(frozen=True)
class SamplingConfig:
    """How the next token is drawn. The defaults draw from the model's own distribution."""

    temperature: float = 1.0
    """Logits are divided by it; 0 always takes the most probable token (greedy)."""
    top_k: int | None = None
    """Draw from the k most probable tokens only (Fan et al. 2018, arXiv:1805.04833); none: no limit."""
    top_p: float = 1.0
    """Draw from the smallest set whose probability reaches p (Holtzman et al. 2019, arXiv:1904.09751)."""

    def __post_init__(self) -> None:
        """Refuse what no distribution follows from."""
        if not 0 <= self.temperature < float("inf"):
            raise ValueError(f"temperature is {self.temperature}: give 0 (greedy) or a number above it")
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(f"top_k is {self.top_k}: give at least 1, or leave it out")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p is {self.top_p}: give a number above 0 and at most 1")


def next_token_probabilities(logits: Float[Tensor, "... vocab"], config: SamplingConfig) -> Float[Tensor, "... vocab"]:
    """Return the distribution that `sample` draws from: temperature first, then top-k, then top-p.

    Raises:
        ValueError: a logit is NaN or +∞, or all are −∞.
    """
    logits = logits.float()
    highest = logits.amax(-1, keepdim=True)  # NaN if any logit is
    if not torch.isfinite(highest).all():
        raise ValueError("the model's logits are not finite, so no token can be chosen: its training has diverged")
    if config.temperature < _GREEDY_BELOW:
        greedy = torch.zeros_like(logits)
        return greedy.scatter(-1, logits.argmax(-1, keepdim=True), 1.0)
    # From the maximum down, since a tiny temperature must not make infinities of all logits.
    scaled = (logits - highest) / config.temperature
    if config.top_k is not None and config.top_k < logits.shape[-1]:
        scaled = scaled.masked_fill(~_top_k_mask(scaled, config.top_k), -torch.inf)
    probabilities = softmax(scaled, dim=-1)
    if config.top_p < 1:
        probabilities = probabilities * _top_p_mask(probabilities, config.top_p)
        probabilities = probabilities / probabilities.sum(-1, keepdim=True)
    return probabilities


def sample(
    logits: Float[Tensor, "... vocab"], config: SamplingConfig, generator: torch.Generator | None = None
) -> Int[Tensor, "..."]:
    """Draw one token for each row of logits; returns ids of shape `[...]`.

    Raises:
        ValueError: a logit is NaN or +∞, or all are −∞.
    """
    probabilities = next_token_probabilities(logits, config)
    if config.temperature < _GREEDY_BELOW:
        return probabilities.argmax(-1)
    rows = probabilities.reshape(-1, probabilities.shape[-1])
    return torch.multinomial(rows, 1, generator=generator).reshape(logits.shape[:-1])


def _top_k_mask(scores: Float[Tensor, "... vocab"], top_k: int) -> Bool[Tensor, "... vocab"]:
    mask = torch.zeros_like(scores, dtype=torch.bool)
    return mask.scatter(-1, scores.topk(top_k, dim=-1).indices, True)


def _top_p_mask(probabilities: Float[Tensor, "... vocab"], top_p: float) -> Bool[Tensor, "... vocab"]:
    descending, order = probabilities.sort(dim=-1, descending=True, stable=True)
    # A token belongs to the smallest set if those before it have not reached p; so the first one always does.
    reached_before = descending.cumsum(-1) - descending
    mask = torch.zeros_like(probabilities, dtype=torch.bool)
    return mask.scatter(-1, order, reached_before < top_p)
