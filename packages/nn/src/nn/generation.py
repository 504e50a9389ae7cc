"""Generating text, as ids: the model knows no characters."""

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from nn.language_model import TransformerLM
from nn.sampling import SamplingConfig, sample

_SHORTEST = 16


def generate(
    model: TransformerLM,
    prompt_ids: Sequence[int],
    max_new_tokens: int,
    sampling: SamplingConfig | None = None,
    *,
    end_token: int | None = None,
    generator: torch.Generator | None = None,
) -> Iterator[int]:
    """Continue a prompt, yielding each new id as soon as it is drawn.

    Once prompt and continuation together exceed the context, the model sees the last `context_length` ids of them.

    Args:
        model: the language model.
        prompt_ids: at least one id, at most `context_length`.
        max_new_tokens: where to stop at the latest.
        sampling: how tokens are drawn; from the model's own distribution if not given.
        end_token: the id that ends the text; it is not yielded.
        generator: a CPU generator; tokens are drawn on the CPU so that a seed means the same on every device.

    Raises:
        ValueError: the prompt is empty, longer than the context, or has ids outside the vocabulary, or
            max_new_tokens is negative; at the call, not at the first id.
    """
    config = model.config
    if not prompt_ids:
        raise ValueError("the prompt is empty: give at least one token, such as the one that separates documents")
    if len(prompt_ids) > config.context_length:
        raise ValueError(
            f"the prompt has {len(prompt_ids)} tokens, but the model's context is {config.context_length}: shorten it"
        )
    for token_id in prompt_ids:
        if not 0 <= token_id < config.vocab_size:
            raise ValueError(f"the prompt has the id {token_id}, but the model's vocabulary is {config.vocab_size}")
    if max_new_tokens < 0:
        raise ValueError(f"max_new_tokens is {max_new_tokens}: give 0 or more")
    return _continue(model, list(prompt_ids), max_new_tokens, sampling or SamplingConfig(), end_token, generator)


def _continue(
    model: TransformerLM,
    ids: list[int],
    max_new_tokens: int,
    sampling: SamplingConfig,
    end_token: int | None,
    generator: torch.Generator | None,
) -> Iterator[int]:
    for _ in range(max_new_tokens):
        logits = next_token_logits(model, ids[-model.config.context_length :])
        token_id = int(sample(logits, sampling, generator))
        if token_id == end_token:
            return
        ids.append(token_id)
        yield token_id


@torch.inference_mode()
def next_token_logits(model: TransformerLM, ids: Sequence[int]) -> Float[Tensor, " vocab"]:
    """Return the logits, on the CPU, of the token that follows `ids`.

    The sequence is padded on the right, which the causal mask hides, to the next power of two: einx traces every
    shape anew, so a text that grows by one token must not be a new shape each time.
    """
    length = _SHORTEST
    while length < len(ids):
        length *= 2
    length = min(length, model.config.context_length)
    padded = torch.zeros(1, length, dtype=torch.long)
    padded[0, : len(ids)] = torch.tensor(ids)
    device = model.embedding.weight.device
    hidden = model.hidden_states(padded.to(device))
    return model.lm_head(hidden[0, len(ids) - 1]).float().cpu()
