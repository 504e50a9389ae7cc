"""How probable a model finds the tokens of a text. Axes: see `nn`."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nn.drawn_token import DrawnToken
from nn.generation_checks import check_ids, check_num_alternatives
from nn.language_model import TransformerLM
from nn.sampling import diverged
from nn.windows import window_start

_CHUNK_LOGITS = 2**23
"""Logits that exist at once, 32 MiB in float32: a text of 1,024 tokens with a vocabulary of 50,257 would have 200."""


def log_probabilities(
    logits: Float[Tensor, "n v"], ids: Int[Tensor, " n"], num_alternatives: int
) -> tuple[Int[Tensor, "n m"], Float[Tensor, "n m"]]:
    """Return a column for `ids` and one for each alternative: their ids, and their log-probabilities.

    A fixed list of operations on the device of the logits. Of a row that contains NaN or +∞, the values are not finite.

    Args:
        logits: one row for each token.
        ids: the tokens; negative ids are allowed, but their log-probability means nothing.
        num_alternatives: number of most probable tokens to add.
    """
    scores = logits.float()
    columns, values = ids[:, None], scores.gather(-1, ids.clamp(min=0)[:, None])
    if num_alternatives:
        best = scores.topk(num_alternatives, dim=-1)
        columns, values = torch.cat([columns, best.indices], -1), torch.cat([values, best.values], -1)
    return columns, values - scores.logsumexp(-1, keepdim=True)


def drawn_tokens(columns: Int[Tensor, "n m"], values: Float[Tensor, "n m"]) -> list[DrawnToken]:
    """Return what `log_probabilities` has computed, as tokens; waits for the device."""
    return [
        DrawnToken(ids[0], numbers[0], tuple(zip(ids[1:], numbers[1:], strict=True)))
        for ids, numbers in zip(columns.tolist(), values.tolist(), strict=True)
    ]


@torch.no_grad()
def score(model: TransformerLM, ids: Sequence[int], num_alternatives: int = 0) -> list[DrawnToken]:
    """Return the log-probability of each token of a text, given those before it, except of the first one.

    A text of at most one token more than the context is read at once. A longer one is read in windows, each of which
    begins half a context before the first token that it predicts, as in `generate`: the log-probabilities of a
    generated text are those with which it was generated. The logits of few tokens at a time exist.

    Args:
        model: the language model.
        ids: the text.
        num_alternatives: also return this many of the most probable tokens at each place.

    Raises:
        ValueError: an id or the number of alternatives is outside the vocabulary, or the model's logits are not finite.
    """
    config = model.config
    check_num_alternatives(num_alternatives, config)
    check_ids("text", ids, config)
    tokens: list[DrawnToken] = []
    while len(tokens) + 1 < len(ids):
        known = len(tokens) + 1
        start = window_start(known, config.context_length)
        tokens += _score_window(model, ids[start : start + config.context_length + 1], known - start, num_alternatives)
    return tokens


def _score_window(model: TransformerLM, ids: Sequence[int], first: int, num_alternatives: int) -> list[DrawnToken]:
    """Return the tokens of a window, which may be one longer than the context, from index `first` on."""
    device, config = model.embedding.weight.device, model.config
    # Few shapes, since einx traces each of them. Padding comes after the text, so no token of it attends to padding.
    width = min(1 << (len(ids) - 2).bit_length(), config.context_length)
    padded = torch.tensor([*ids, *[0] * (width + 1 - len(ids))], device=device)
    hidden = model.hidden_states(padded[None, :-1])[0]
    size = max(1, _CHUNK_LOGITS // config.vocab_size)
    rated = [
        log_probabilities(model.logits(h), next_ids, num_alternatives)
        for h, next_ids in zip(torch.split(hidden, size), torch.split(padded[1:], size), strict=True)
    ]
    columns, values = (torch.cat(parts)[first - 1 : len(ids) - 1] for parts in zip(*rated, strict=True))
    if not values.isfinite().all():
        raise diverged()
    return drawn_tokens(columns, values)
