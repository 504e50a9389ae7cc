"""Generating text, as ids: the model does not know characters. Axes: see `nn`.

When prompt and continuation fill the context, the older half is dropped: the model reads the newer half again, from
position 0, and continues. So it always sees at least half a context of the latest text, and the cost of reading that
again is spread over half a context of tokens.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from nn.decoding import Decoder, power_of_two
from nn.generation_config import DecodingMode, SamplingConfig
from nn.language_model import TransformerLM
from nn.sampling import sample

RECORDING_PAYS_FROM = 150
"""Tokens: recording a step takes as long as about 80 steps, and halves the time of the later ones."""


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
        generator: a CPU generator; tokens are drawn on the CPU so that a seed means the same on every device.
        compile: how each step runs, see `DecodingMode`; auto records it if there are enough tokens to make that faster.

    Raises:
        ValueError: the prompt is empty, longer than the context, or has ids outside the vocabulary, a stop token is
            outside it, or max_new_tokens is negative. These are raised by the call, not by the first id. While
            generating: the model's logits are not finite.
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
    if compile == "auto":
        compile = "record" if max_new_tokens >= RECORDING_PAYS_FROM else "off"
    longest = power_of_two(max(map(len, prompts)) + max_new_tokens)
    decoder = Decoder(model, len(prompts), min(longest, model.config.context_length), compile=compile)
    rows = [
        _Row(
            prompt_ids, sampling or SamplingConfig(), model.config.vocab_size, generators[index] if generators else None
        )
        for index, prompt_ids in enumerate(prompts)
    ]
    return _continue(decoder, rows, max_new_tokens, frozenset(stop_tokens))


class _Row:
    """One text: its ids, and what is needed to draw the next one."""

    def __init__(
        self,
        prompt_ids: Sequence[int],
        sampling: SamplingConfig,
        vocab_size: int,
        generator: torch.Generator | None,
    ) -> None:
        self.ids = list(prompt_ids)
        self.ended = False
        self._sampling, self._generator = sampling, generator
        self._seen: Bool[Tensor, " v"] | None = None
        if sampling.repetition_penalty != 1:
            self._seen = torch.zeros(vocab_size, dtype=torch.bool)
            self._seen[self.ids] = True

    def draw(self, logits: Float[Tensor, " v"], stop_tokens: frozenset[int]) -> int | None:
        """Draw and append the next id; return it, or None if the text has ended."""
        if self.ended:
            return None
        token_id = int(sample(logits, self._sampling, self._generator, seen=self._seen))
        if token_id in stop_tokens:
            self.ended = True
            return None
        self.ids.append(token_id)
        if self._seen is not None:
            self._seen[token_id] = True
        return token_id


def _continue(
    decoder: Decoder, rows: list[_Row], max_new_tokens: int, stop_tokens: frozenset[int]
) -> Iterator[list[int | None]]:
    try:
        logits = decoder.read([row.ids for row in rows])
        for remaining in reversed(range(max_new_tokens)):
            drawn = [row.draw(row_logits, stop_tokens) for row, row_logits in zip(rows, logits, strict=True)]
            if all(row.ended for row in rows):
                return
            yield drawn
            if remaining:
                logits = _advance(decoder, rows, drawn)
    finally:
        decoder.close()


def _advance(decoder: Decoder, rows: list[_Row], drawn: list[int | None]) -> Float[Tensor, "b v"]:
    """Let the model read the tokens just drawn; rows that have filled the context continue from its newer half."""
    context = decoder.model.config.context_length
    full = [index for index, length in enumerate(decoder.lengths) if length == context and not rows[index].ended]
    next_ids = [None if index in full else token_id for index, token_id in enumerate(drawn)]
    if any(token_id is not None for token_id in next_ids):
        logits = decoder.step(next_ids)
    else:
        logits = torch.empty(len(rows), decoder.model.config.vocab_size)
    for index in full:
        logits[index] = decoder.read_row(index, rows[index].ids[-max(1, context // 2) :])
    return logits


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
