"""Choosing the next token from logits."""

import math
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
    min_p: float = 0.0
    """Draw from tokens at least this share as probable as the most probable one (Nguyen et al. 2024, 2407.01082)."""
    repetition_penalty: float = 1.0
    """Logits of tokens seen before are divided by it, or multiplied if negative (Keskar et al. 2019, 1909.05858)."""

    def __post_init__(self) -> None:
        """Refuse what no distribution follows from."""
        if not 0 <= self.temperature < math.inf:
            raise ValueError(f"temperature is {self.temperature}: give 0 (greedy) or a number above it")
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(f"top_k is {self.top_k}: give at least 1, or leave it out")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p is {self.top_p}: give a number above 0 and at most 1")
        if not 0 <= self.min_p <= 1:
            raise ValueError(f"min_p is {self.min_p}: give a number of at least 0 (no limit) and at most 1")
        if not 0 < self.repetition_penalty < math.inf:
            raise ValueError(
                f"repetition_penalty is {self.repetition_penalty}: give 1 (none), or a number above it to repeat less"
            )

    @property
    def greedy(self) -> bool:
        """Whether the most probable token is always taken."""
        return self.temperature < _GREEDY_BELOW


def next_token_probabilities(
    logits: Float[Tensor, "... vocab"], config: SamplingConfig, *, seen: Bool[Tensor, "... vocab"] | None = None
) -> Float[Tensor, "... vocab"]:
    """Return the distribution that `sample` draws from: penalty, temperature, top-k, top-p, min-p, in this order.

    Args:
        logits: of the next token.
        config: what is done to them.
        seen: True for the tokens of prompt and text so far, which a repetition penalty is for.

    Raises:
        ValueError: a logit is NaN or +∞, or all are −∞; or there is a penalty, but not what has been seen.
    """
    logits = _penalized(logits.float(), config, seen)
    highest = _finite_maximum(logits)
    if config.greedy:
        greedy = torch.zeros_like(logits)
        return greedy.scatter(-1, logits.argmax(-1, keepdim=True), 1.0)
    # From the maximum down, since a tiny temperature must not make infinities of all logits.
    scaled = (logits - highest) / config.temperature
    if config.top_k is not None and config.top_k < logits.shape[-1]:
        scaled = scaled.masked_fill(~_top_k_mask(scaled, config.top_k), -torch.inf)
    probabilities = softmax(scaled, dim=-1)
    if config.top_p < 1:
        for row in probabilities.view(-1, probabilities.shape[-1]):
            _keep_top_p(row, config.top_p)
    if config.min_p > 0:
        least = config.min_p * probabilities.amax(-1, keepdim=True)
        probabilities = probabilities.masked_fill(probabilities < least, 0.0)
    return probabilities / probabilities.sum(-1, keepdim=True)


def sample(
    logits: Float[Tensor, "... vocab"],
    config: SamplingConfig,
    generator: torch.Generator | None = None,
    *,
    seen: Bool[Tensor, "... vocab"] | None = None,
) -> Int[Tensor, "..."]:
    """Draw one token for each row of logits; returns ids of shape `[...]`.

    Args:
        logits: of the next token.
        config: how it is drawn.
        generator: for the logits' device; torch's global one if not given.
        seen: see `next_token_probabilities`.

    Raises:
        ValueError: see `next_token_probabilities`.
    """
    if config.greedy:
        logits = _penalized(logits, config, seen)
        _finite_maximum(logits)
        return logits.argmax(-1)
    # The token in whose share of [0, total) a uniform number falls: ten times as fast as torch.multinomial.
    cumulative = next_token_probabilities(logits, config, seen=seen).double().cumsum(-1)
    uniform = torch.rand((*logits.shape[:-1], 1), generator=generator, dtype=torch.float64, device=logits.device)
    place = uniform * (1 - 2**-50) * cumulative[..., -1:]  # rounding must not reach the total, where nothing is left
    return torch.searchsorted(cumulative, place, right=True).squeeze(-1)


def _penalized(
    logits: Float[Tensor, "... vocab"], config: SamplingConfig, seen: Bool[Tensor, "... vocab"] | None
) -> Float[Tensor, "... vocab"]:
    penalty = config.repetition_penalty
    if penalty == 1:
        return logits
    if seen is None:
        raise ValueError(f"repetition_penalty is {penalty}, but not which tokens were seen: give seen as well")
    return torch.where(seen, torch.where(logits > 0, logits / penalty, logits * penalty), logits)


def _finite_maximum(logits: Float[Tensor, "... vocab"]) -> Float[Tensor, "... 1"]:
    highest = logits.amax(-1, keepdim=True)  # NaN if any logit is
    if not torch.isfinite(highest).all():
        raise ValueError("the model's logits are not finite, so no token can be chosen: its training has diverged")
    return highest


def _top_k_mask(scores: Float[Tensor, "... vocab"], top_k: int) -> Bool[Tensor, "... vocab"]:
    mask = torch.zeros_like(scores, dtype=torch.bool)
    return mask.scatter(-1, scores.topk(top_k, dim=-1).indices, True)


def _keep_top_p(probabilities: Float[Tensor, " vocab"], top_p: float) -> None:
    """Set all but the smallest set whose probability reaches `top_p` to 0."""
    # A token of less than (1 − p)/vocab cannot belong to it: it and all below it together hold less than 1 − p.
    # So few are left to sort, which takes most of the time otherwise.
    likely = (probabilities >= (1 - top_p) / len(probabilities)).nonzero().squeeze(1)
    descending, order = probabilities[likely].sort(descending=True, stable=True)
    # A token belongs to the set if those before it have not reached p; so the first one always does.
    kept = likely[order[descending.cumsum(0) - descending < top_p]]
    values = probabilities[kept]
    probabilities.zero_()
    probabilities[kept] = values
