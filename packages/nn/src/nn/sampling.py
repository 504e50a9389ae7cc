"""Choosing the next token from logits. Axes: see `nn`.

`draw` is the one that decoding uses: it works on the device of the logits alone, so a GPU never waits for the host.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from nn.generation_config import SamplingConfig

NO_TOKEN = -1
"""What `draw` returns for logits that are not finite: the host finds it when it reads the ids, without another wait."""

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
    highest, best = scores.max(-1)
    if _is_not_finite(highest).any():
        raise diverged()
    if is_greedy(config):
        return torch.zeros_like(scores).scatter(-1, best.unsqueeze(-1), 1.0)
    weights, ids = _candidates(scores, highest, config)
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

    Args:
        logits: one row for each token to draw.
        config: how to draw.
        generator: draws the uniform numbers, on the device of the logits; torch's global one if not given.
        seen: True for the tokens of the prompt and the text so far; used by the repetition penalty only.

    Raises:
        ValueError: a logit is NaN or +∞, or all are −∞; or a repetition penalty is set and `seen` is not given or has
            another shape.
    """
    uniform = None
    if not is_greedy(config):
        dtype = sum_dtype(logits.device)
        uniform = torch.rand(logits.shape[:-1], generator=generator, dtype=dtype, device=logits.device)
    ids = draw(logits, config, uniform, seen=seen)
    if (ids == NO_TOKEN).any():
        raise diverged()
    return ids


def draw(
    logits: Float[Tensor, "*b v"],
    config: SamplingConfig,
    uniform: Float[Tensor, "*b"] | None,
    *,
    seen: Bool[Tensor, "*b v"] | None = None,
) -> Int[Tensor, "*b"]:
    """Draw one token for each row of logits, `NO_TOKEN` where a logit is NaN or +∞, or all are −∞.

    The token at which the running sum of the probabilities passes the uniform number is drawn. On a GPU this is a fixed
    list of operations: nothing depends on values in Python, so that a CUDA graph can contain it.

    Args:
        logits: one row for each token to draw.
        config: how to draw.
        uniform: a number from 0, inclusive, to 1, exclusive, for each row; not needed if the choice is greedy.
        seen: True for the tokens of the prompt and the text so far; used by the repetition penalty only.

    Raises:
        ValueError: a repetition penalty is set and `seen` is not given or has another shape, or the uniform numbers are
            needed and not given.
    """
    scores = _penalized(logits, config, seen)
    highest, ids = scores.max(-1)
    if not is_greedy(config):
        if uniform is None:
            raise ValueError(f"temperature is {config.temperature}, which needs a uniform number for each row")
        weights, candidates = _candidates(scores, highest, config)
        sums = _running_sum(weights).contiguous()
        point = uniform.to(sums.dtype).unsqueeze(-1) * sums[..., -1:]
        # The first sum *above* the point is never that of a token of weight 0, and never past the end, except if the
        # uniform number was rounded up to 1 or the sums are NaN.
        place = torch.searchsorted(sums, point, right=True).clamp(max=sums.shape[-1] - 1)
        ids = (place if candidates is None else candidates.gather(-1, place)).squeeze(-1)
    return ids.masked_fill(_is_not_finite(highest), NO_TOKEN)


def diverged() -> ValueError:
    """Return the error for `NO_TOKEN`."""
    return ValueError(
        "the model's logits are not finite (NaN or infinity), so no token can be chosen: its training has diverged"
    )


def is_greedy(config: SamplingConfig) -> bool:
    """Return whether the most probable token is always taken, so that nothing is drawn."""
    return config.temperature < _GREEDY_BELOW


def sum_dtype(device: torch.device) -> torch.dtype:
    """Return the dtype of running sums of probabilities, and of the uniform numbers that are compared with them."""
    # float32 is too coarse for a large vocabulary, but Apple's GPUs have no float64.
    return torch.float32 if device.type == "mps" else torch.float64


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


def _is_not_finite(highest: Float[Tensor, "*b"]) -> Bool[Tensor, "*b"]:
    """Return where the highest score, which is NaN if any score is, is not finite."""
    return ~(highest.abs() < torch.inf)  # half the operations of torch.isfinite


def _candidates(
    scores: Float[Tensor, "*b v"], highest: Float[Tensor, "*b"], config: SamplingConfig
) -> tuple[Float[Tensor, "*b m"], Int[Tensor, "*b m"] | None]:
    """Return the weights, proportional to probabilities, of the candidates, and their ids.

    The most probable token has the weight 1. No ids means that the candidates are the whole vocabulary in order.
    """
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
        reached_before = _running_sum(weights) - weights
        weights = weights * (reached_before < needed)
    if config.min_p > 0:
        weights = weights * (weights >= config.min_p)
    return weights, ids


def _running_sum(weights: Float[Tensor, "*b m"]) -> Float[Tensor, "*b m"]:
    """Return the sums of each row up to each entry.

    GPUs add in an order that varies; in float64 that does not reach the first bits, which the choice depends on.
    """
    return weights.cumsum(-1, dtype=sum_dtype(weights.device))


def _ranked(
    weights: Float[Tensor, "*b v"], needed: Float[Tensor, "*b 1"]
) -> tuple[Float[Tensor, "*b m"], Int[Tensor, "*b m"]]:
    """Return the highest weights in descending order, enough of them to reach `needed`, and their ids."""
    # On a GPU the host would have to wait for the comparison, at each token, and sorting is fast there.
    if weights.device.type == "cpu" and weights.shape[-1] > _FIRST_RANKED:
        first, ids = weights.topk(_FIRST_RANKED, dim=-1)
        if (first.sum(-1, keepdim=True) >= needed).all():
            return first, ids
    ranked = weights.sort(dim=-1, descending=True, stable=True)
    return ranked.values, ranked.indices
