"""Choosing the next token from logits. Axes: see `nn`."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from nn.generation_config import SamplingConfig

_GREEDY_BELOW = 1e-30  # float32 has few smaller numbers to divide by, and at 1e-30 sampling is greedy anyway
_FIRST_RANKED = 256  # the set of top-p is usually among these; finding them costs an eighth of sorting 10,000


def next_token_probabilities(
    logits: Float[Tensor, "*b v"], config: SamplingConfig, seen: Bool[Tensor, "*b v"] | None = None
) -> Float[Tensor, "*b v"]:
    """Return the distribution that `sample` draws from.

    The repetition penalty is applied first, then temperature, top-k, top-p and min-p, each to the tokens that the ones
    before it keep.

    Args:
        logits: one row for each token to draw.
        config: how to draw.
        seen: True for the tokens of the prompt and the text so far; used by the repetition penalty only.

    Raises:
        ValueError: a logit is NaN or +∞, or all are −∞; or a repetition penalty is set and `seen` is not given or has
            another shape.
    """
    scores = _penalized(logits, config, seen)
    if config.temperature < _GREEDY_BELOW:
        return torch.zeros_like(scores).scatter(-1, _best(scores)[1].unsqueeze(-1), 1.0)
    weights, ids = _candidates(scores, config)
    probabilities = weights / weights.sum(-1, keepdim=True)
    return probabilities if ids is None else torch.zeros_like(scores).scatter(-1, ids, probabilities)


def sample(
    logits: Float[Tensor, "*b v"],
    config: SamplingConfig,
    generator: torch.Generator | None = None,
    *,
    seen: Bool[Tensor, "*b v"] | None = None,
) -> Int[Tensor, "*b"]:
    """Draw one token for each row of logits.

    Each row takes one uniform number; the token at which the running sum of the probabilities passes it is drawn.

    Args:
        logits: one row for each token to draw.
        config: how to draw.
        generator: draws the uniform numbers, on the device of the logits; torch's global one if not given.
        seen: True for the tokens of the prompt and the text so far; used by the repetition penalty only.

    Raises:
        ValueError: a logit is NaN or +∞, or all are −∞; or a repetition penalty is set and `seen` is not given or has
            another shape.
    """
    scores = _penalized(logits, config, seen)
    if config.temperature < _GREEDY_BELOW:
        return _best(scores)[1]
    weights, ids = _candidates(scores, config)
    # float32 is too coarse for the running sum of a large vocabulary, but Apple's GPUs have no float64.
    sums = weights.cumsum(-1, dtype=torch.float32 if weights.device.type == "mps" else torch.float64).contiguous()
    total = sums[..., -1:]
    uniform = torch.rand(total.shape, generator=generator, dtype=sums.dtype, device=sums.device)
    # The first sum *above* the point: never a token of weight 0, and never past the end, since uniform < 1.
    place = torch.searchsorted(sums, uniform * total, right=True)
    return (place if ids is None else ids.gather(-1, place)).squeeze(-1)


def _penalized(logits: Tensor, config: SamplingConfig, seen: Tensor | None) -> Tensor:
    """Return the logits in float32, those of seen tokens lowered by the penalty."""
    scores = logits.float()
    penalty = config.repetition_penalty
    if penalty == 1:
        return scores
    if seen is None:
        raise ValueError(f"repetition_penalty is {penalty}, which needs the tokens seen so far: give `seen`")
    if seen.shape != scores.shape:
        raise ValueError(
            f"`seen` has the shape {tuple(seen.shape)}: it must have that of the logits, {tuple(scores.shape)}"
        )
    return torch.where(seen, torch.where(scores < 0, scores * penalty, scores / penalty), scores)


def _best(scores: Float[Tensor, "*b v"]) -> tuple[Float[Tensor, "*b"], Int[Tensor, "*b"]]:
    """Return the highest score of each row and its token."""
    highest, token = scores.max(-1)  # NaN if any score is
    if not torch.isfinite(highest).all():
        raise ValueError(
            "the model's logits are not finite (NaN or infinity), so no token can be chosen: its training has diverged"
        )
    return highest, token


def _candidates(
    scores: Float[Tensor, "*b v"], config: SamplingConfig
) -> tuple[Float[Tensor, "*b m"], Int[Tensor, "*b m"] | None]:
    """Return the weights, proportional to probabilities, of the candidates, and their ids.

    The most probable token has the weight 1. No ids means that the candidates are the whole vocabulary in order.
    """
    highest, _ = _best(scores)
    # Relative to the maximum, so that a tiny temperature does not turn all logits into infinities.
    weights = ((scores - highest.unsqueeze(-1)) / config.temperature).exp()
    ids = None
    if config.top_k is not None and config.top_k < weights.shape[-1]:
        weights, ids = weights.topk(config.top_k, dim=-1)
    if config.top_p < 1:
        needed = max(config.top_p, _GREEDY_BELOW) * weights.sum(-1, keepdim=True)
        if ids is None:
            weights, ids = _ranked(weights, needed)
        # A token belongs to the smallest set if those before it have not reached p, so the first one always does.
        reached_before = weights.cumsum(-1) - weights
        weights = weights * (reached_before < needed)
    if config.min_p > 0:
        weights = weights * (weights >= config.min_p)
    return weights, ids


def _ranked(
    weights: Float[Tensor, "*b v"], needed: Float[Tensor, "*b 1"]
) -> tuple[Float[Tensor, "*b m"], Int[Tensor, "*b m"]]:
    """Return the highest weights in descending order, enough of them to reach `needed`, and their ids."""
    if weights.shape[-1] > _FIRST_RANKED:
        first, ids = weights.topk(_FIRST_RANKED, dim=-1)
        if (first.sum(-1, keepdim=True) >= needed).all():
            return first, ids
    ranked = weights.sort(dim=-1, descending=True, stable=True)
    return ranked.values, ranked.indices
