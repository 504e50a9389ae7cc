"""Generating text, as ids: the model does not know characters. Axes: see `nn`.

When prompt and continuation fill the context, the older half is dropped: see `nn.windows`.
"""

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from typing import Literal

import torch

from nn.continuation import Continuation, DrawnStep
from nn.decoding import Decoder, read_width
from nn.drawing import TokenDrawer
from nn.drawn_token import DrawnToken
from nn.generation_checks import (
    check_num_alternatives,
    check_one_for_each_row,
    check_prompts,
    check_stop_tokens,
)
from nn.generation_config import DecodingMode, SamplingConfig
from nn.language_model import TransformerLM
from nn.sampling import NO_TOKEN, diverged
from nn.windows import kept_tokens

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
    return (ids for ids, _ in _start(model, prompts, max_new_tokens, sampling, compile, stop_tokens, generators))


def generate_tokens(
    model: TransformerLM,
    prompts: Sequence[Sequence[int]],
    max_new_tokens: int,
    sampling: SamplingConfig | Sequence[SamplingConfig] | None = None,
    *,
    stop_tokens: Collection[int] = (),
    generators: Sequence[torch.Generator] | None = None,
    drawn_before: Sequence[int] | None = None,
    num_alternatives: int = 0,
    compile: DecodingMode | Literal["auto"] = "auto",
) -> Iterator[list[DrawnToken | None]]:
    """Do what `generate_batch` does, and also yield how probable each token was.

    A text that is stopped can be continued later: with its ids so far as the prompt (`context_window` of them, if they
    are more than the context), a new generator with the same seed, and their number as `drawn_before`, it becomes the
    text that it would have been without the stop, up to the rounding of the logits.

    Args:
        model: the language model.
        prompts: one for each row; see `generate`.
        max_new_tokens: the most new tokens in each row.
        sampling: how tokens are drawn, in all rows or one for each row; from the model's own distribution if not given.
        stop_tokens: see `generate`.
        generators: one for each row; torch's global one if not given.
        drawn_before: for each row, how many tokens an earlier call has drawn with a generator in the same state: that
            many numbers of it are skipped. A row whose choices are greedy uses no numbers.
        num_alternatives: also yield this many of the most probable tokens at each place.
        compile: see `generate`.

    Raises:
        ValueError: see `generate`; or the settings, generators or numbers drawn before are not as many as the prompts,
            or the number of alternatives is outside the vocabulary.
    """
    check_num_alternatives(num_alternatives, model.config)
    steps = _start(
        model, prompts, max_new_tokens, sampling, compile, stop_tokens, generators, drawn_before, num_alternatives
    )
    return (
        [None if token_id is None else token for token_id, token in zip(ids, step.tokens(), strict=True)]
        for ids, step in steps
    )


def _start(
    model: TransformerLM,
    prompts: Sequence[Sequence[int]],
    max_new_tokens: int,
    sampling: SamplingConfig | Sequence[SamplingConfig] | None,
    compile: DecodingMode | Literal["auto"],
    stop_tokens: Collection[int],
    generators: Sequence[torch.Generator] | None,
    drawn_before: Sequence[int] | None = None,
    num_alternatives: int | None = None,
) -> Iterator[tuple[list[int | None], DrawnStep]]:
    """Check the arguments and return the steps: the new id of each row, and what the step has left."""
    if sampling is None or isinstance(sampling, SamplingConfig):
        sampling = [sampling or SamplingConfig()] * len(prompts)
    check_one_for_each_row(len(prompts), sampling, generators, drawn_before)
    check_prompts(prompts, model.config)
    check_stop_tokens(stop_tokens, model.config)
    if max_new_tokens < 0:
        raise ValueError(f"max_new_tokens is {max_new_tokens}: give 0 or more")
    if not prompts or max_new_tokens == 0:
        return iter(())
    device = model.embedding.weight.device
    if compile == "auto":
        compile = _fastest_mode(device, max_new_tokens)
    longest = max(map(len, prompts))
    capacity = max(power_of_two(longest + max_new_tokens), read_width(device, longest))
    decoder = Decoder(model, len(prompts), min(capacity, model.config.context_length), compile=compile)
    drawer = TokenDrawer(sampling, prompts, model.config.vocab_size, device, generators, drawn_before)
    rows = [_Row(prompt_ids, frozenset(stop_tokens)) for prompt_ids in prompts]
    continuation = Continuation(decoder, drawer, len(rows), num_alternatives)
    return _continue(continuation, rows, max_new_tokens, model.config.context_length)


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
) -> Iterator[tuple[list[int | None], DrawnStep]]:
    try:
        launched = deque([continuation.begin([row.ids for row in rows])])
        for remaining in reversed(range(max_new_tokens)):
            full = [index for index, length in enumerate(continuation.lengths) if length == context]
            # A GPU is given the next step before the ids of this one are read, so that it does not wait for the host.
            # A full row prevents that: the ids that it continues from must be known.
            if remaining and not full and continuation.runs_ahead:
                launched.append(continuation.advance())
            step = launched.popleft()
            drawn = [row.append(token_id) for row, token_id in zip(rows, step.read(), strict=True)]
            if all(row.ended for row in rows):
                return
            yield drawn, step
            if remaining and not launched:
                newer_half = {index: rows[index].ids[-kept_tokens(context) :] for index in full}
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
