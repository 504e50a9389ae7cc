"""Generating text, as ids: the model does not know characters. Axes: see `nn`.

When prompt and continuation fill the context, the older half is dropped: the model reads the newer half again, from
position 0, and continues. So it always sees at least half a context of the latest text, and the cost of reading that
again is spread over half a context of tokens.
"""

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from typing import Literal

import torch

from nn.continuation import Continuation
from nn.decoding import Decoder, read_width
from nn.drawing import TokenDrawer
from nn.generation_config import DecodingMode, SamplingConfig
from nn.language_model import TransformerLM
from nn.sampling import NO_TOKEN, diverged

RECORDING_PAYS_FROM = 150
"""Tokens: recording a step takes as long as about 80 steps, and halves the time of the later ones."""
GRAPH_PAYS_FROM = 8
"""Tokens: capturing a step takes as long for the host as about two steps."""


def generate(
    model: TransformerLM,
    prompt_ids: Sequence[int],
    max_new_tokens: int,
    sampling: SamplingConfig | None = None,
    *,
    stop_tokens: Collection[int] = (),
    generator: torch.Generator | None = None,
    compile: DecodingMode | Literal["auto"] = "auto",
) -> Iterator[int]:
    """Continue a prompt, yielding each new id as soon as it is drawn.

    Args:
        model: the language model.
        prompt_ids: at least one id, at most `context_length`.
        max_new_tokens: stop after this many tokens at the latest.
        sampling: how tokens are drawn; from the model's own distribution if not given.
        stop_tokens: ids that end the text; they are not yielded.
        generator: a CPU generator, torch's global one if not given, from which 256 uniform numbers are taken at a time,
            one for each token; so a seed means the same text on every device, up to the rounding of the logits.
        compile: how each step runs, see `DecodingMode`; auto captures it on a CUDA device and records it elsewhere, if
            there are enough tokens to make that faster.

    Raises:
        ValueError: the prompt is empty, longer than the context, or has ids outside the vocabulary, a stop token is
            outside it, max_new_tokens is negative, or `compile` is not possible on the model's device. These are
            raised by the call, not by the first id. While generating: the model's logits are not finite.
    """
    rows = generate_batch(
        model,
        [prompt_ids],
        max_new_tokens,
        sampling,
        stop_tokens=stop_tokens,
        generators=None if generator is None else [generator],
        compile=compile,
    )
    return (token_id for (token_id,) in rows if token_id is not None)


def generate_batch(
    model: TransformerLM,
    prompts: Sequence[Sequence[int]],
    max_new_tokens: int,
    sampling: SamplingConfig | None = None,
    *,
    stop_tokens: Collection[int] = (),
    generators: Sequence[torch.Generator] | None = None,
    compile: DecodingMode | Literal["auto"] = "auto",
) -> Iterator[list[int | None]]:
    """Continue several prompts of any lengths together, yielding the new id of each row, None for rows that have ended.

    A row with its own generator gives the same text as it would alone, up to the rounding of the model's logits.

    Args:
        model: the language model.
        prompts: one for each row; see `generate`.
        max_new_tokens: the most new tokens in each row.
        sampling: see `generate`.
        stop_tokens: see `generate`.
        generators: one for each row; torch's global one if not given.
        compile: see `generate`.

    Raises:
        ValueError: see `generate`; or the number of generators is not that of the prompts.
    """
    if generators is not None and len(generators) != len(prompts):
        raise ValueError(f"there are {len(prompts)} prompts but {len(generators)} generators: give one for each row")
    for prompt_ids in prompts:
        _check_prompt(model, prompt_ids)
    for token_id in stop_tokens:
        if not 0 <= token_id < model.config.vocab_size:
            raise ValueError(
                f"the stop token {token_id} is not an id of the model's vocabulary: give ids from 0 to "
                f"{model.config.vocab_size - 1}"
            )
    if max_new_tokens < 0:
        raise ValueError(f"max_new_tokens is {max_new_tokens}: give 0 or more")
    if not prompts or max_new_tokens == 0:
        return iter(())
    sampling, device = sampling or SamplingConfig(), model.embedding.weight.device
    if compile == "auto":
        compile = _fastest_mode(device, max_new_tokens)
    longest = max(map(len, prompts))
    capacity = max(power_of_two(longest + max_new_tokens), read_width(device, longest))
    decoder = Decoder(model, len(prompts), min(capacity, model.config.context_length), compile=compile)
    drawer = TokenDrawer(sampling, prompts, model.config.vocab_size, device, generators)
    rows = [_Row(prompt_ids, frozenset(stop_tokens)) for prompt_ids in prompts]
    return _continue(Continuation(decoder, drawer, len(rows)), rows, max_new_tokens, model.config.context_length)


class _Row:
    """One text: its ids, and whether it has ended."""

    def __init__(self, prompt_ids: Sequence[int], stop_tokens: frozenset[int]) -> None:
        self.ids = list(prompt_ids)
        self.ended = False
        self._stop_tokens = stop_tokens

    def append(self, token_id: int) -> int | None:
        """Append the id drawn for this row; return it, or None if the text has ended."""
        if self.ended:
            return None
        if token_id == NO_TOKEN:
            raise diverged()
        if token_id in self._stop_tokens:
            self.ended = True
            return None
        self.ids.append(token_id)
        return token_id


def _continue(
    continuation: Continuation, rows: list[_Row], max_new_tokens: int, context: int
) -> Iterator[list[int | None]]:
    try:
        launched = deque([continuation.begin([row.ids for row in rows])])
        for remaining in reversed(range(max_new_tokens)):
            full = [index for index, length in enumerate(continuation.lengths) if length == context]
            # A GPU is given the next step before the ids of this one are read, so that it does not wait for the host.
            # A full row prevents that: the ids that it continues from must be known.
            if remaining and not full and continuation.runs_ahead:
                launched.append(continuation.advance())
            drawn = [row.append(token_id) for row, token_id in zip(rows, launched.popleft().read(), strict=True)]
            if all(row.ended for row in rows):
                return
            yield drawn
            if remaining and not launched:
                newer_half = {index: rows[index].ids[-max(1, context // 2) :] for index in full}
                launched.append(continuation.advance(newer_half))
    finally:
        continuation.close()


def _fastest_mode(device: torch.device, max_new_tokens: int) -> DecodingMode:
    if device.type == "cuda":
        return "graph" if max_new_tokens >= GRAPH_PAYS_FROM else "off"
    return "record" if max_new_tokens >= RECORDING_PAYS_FROM else "off"


def power_of_two(length: int) -> int:
    """Return the smallest power of two that is at least `length`."""
    return 1 << (length - 1).bit_length()


def _check_prompt(model: TransformerLM, prompt_ids: Sequence[int]) -> None:
    config = model.config
    if not prompt_ids:
        raise ValueError("the prompt is empty: give at least one id, such as the one that separates documents")
    if len(prompt_ids) > config.context_length:
        raise ValueError(
            f"the prompt has {len(prompt_ids)} tokens, but the model's context is {config.context_length}: shorten it"
        )
    for token_id in prompt_ids:
        if not 0 <= token_id < config.vocab_size:
            raise ValueError(
                f"the prompt contains the id {token_id}, but the ids of the model's vocabulary go from 0 to "
                f"{config.vocab_size - 1}"
            )
