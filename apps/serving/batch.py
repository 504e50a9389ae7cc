"""Texts of one model that are generated together, a token each at a time.

Rows come and go: then the batch begins again with the ids of each row so far. Prompts are read fast, and a row
skips the random numbers that it has used, so its text is the one that it would have been alone, up to the rounding of
logits.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

import torch

from bpe import StreamDecoder
from nn import DrawnToken, SamplingConfig, context_window, generate_tokens, score
from prompts import document_ids
from serving.generation import Drawn, Ended, Generation, Started, TextToken
from serving.request import GenerationRequest
from speaker import Speaker

RECORDED_ROWS = 4
"""On a CPU, batches of more rows are not recorded: each recording keeps a cache for keys and values in memory."""


class Row:
    """One text: its ids, and where its events go."""

    def __init__(self, generation: Generation, index: int, prompt_ids: Sequence[int], speaker: Speaker) -> None:
        request = generation.request
        self.generation, self.index = generation, index
        self.seed = request.seed + index % request.samples
        self.sampling: SamplingConfig = request.sampling
        self.ids = list(prompt_ids)
        self.drawn = 0
        self.ended = False
        self._speaker = speaker
        self._decoder = StreamDecoder(speaker.tokenizer, continued=not speaker.begins_text(prompt_ids))

    @property
    def remaining(self) -> int:
        """The most tokens that may still be drawn."""
        return self.generation.request.max_new_tokens - self.drawn

    @property
    def live(self) -> bool:
        """Whether it needs further tokens."""
        return not (self.ended or self.generation.cancelled)

    def append(self, token: DrawnToken) -> None:
        """Append a token and report it."""
        self.ids.append(token.id)
        self.drawn += 1
        shown = text_token(self._speaker, self._decoder, token, self.generation.request.alternatives)
        self.generation.post(Drawn(self.index, shown))
        if self.remaining == 0:
            self.end("length")

    def end(self, reason: Literal["stop", "length"]) -> None:
        """Report the end."""
        self.ended = True
        self.generation.post(Ended(self.index, reason, self._decoder.finish()))


class Batch:
    """The rows that are generated now."""

    def __init__(self, speaker: Speaker) -> None:
        """Begin without rows."""
        self.speaker = speaker
        self._rows: list[Row] = []
        self._steps: Iterator[list[DrawnToken | None]] | None = None

    @property
    def rows(self) -> list[Row]:
        """The rows that need further tokens."""
        return [row for row in self._rows if row.live]

    def add(self, generation: Generation) -> None:
        """Read a request's prompts, report them, and add its rows.

        Raises:
            ValueError: a prompt cannot be read by the model.
        """
        request = generation.request
        prompts = [_prompt_ids(self.speaker, prompt) for prompt in request.prompts]
        check_prompts(self.speaker, prompts)
        shown = [
            _shown_prompt(self.speaker, prompt, ids, request) if prompt else ()  # not what begins a document
            for prompt, ids in zip(request.prompts, prompts, strict=True)
        ]
        generation.post(Started(tuple(shown)))
        rows = [
            Row(generation, index, prompts[index // request.samples], self.speaker) for index in range(request.texts)
        ]
        if request.max_new_tokens == 0:
            for row in rows:
                row.end("length")
            return
        self._restart([*self.rows, *rows])

    def step(self) -> None:
        """Draw a token for each row.

        Raises:
            ValueError: the model's logits are not finite.
        """
        live = self.rows
        if 2 * len(live) <= len(self._rows):  # rows that have ended cost as much as others
            self._restart(live)
        if not live:
            return
        self._steps = self._steps or self._generate()
        tokens = next(self._steps, None)
        for row, token in zip(self._rows, tokens or [None] * len(self._rows), strict=True):
            if row.live and token is None:
                row.end("stop")
            elif row.live and token is not None:
                row.append(token)

    def close(self) -> None:
        """Free what the model has allocated for these rows."""
        self._restart([])

    def _restart(self, rows: list[Row]) -> None:
        self._rows, self._steps = rows, None  # the generator's end frees its cache

    def _generate(self) -> Iterator[list[DrawnToken | None]]:
        rows, model = self._rows, self.speaker.model
        context, vocab_size = model.config.context_length, model.config.vocab_size
        recorded = model.embedding.weight.is_cuda or len(rows) <= RECORDED_ROWS
        return generate_tokens(
            model,
            [context_window(row.ids, context) for row in rows],
            max(row.remaining for row in rows),
            [row.sampling for row in rows],
            stop_tokens=self.speaker.stop_tokens,
            generators=[torch.Generator().manual_seed(row.seed) for row in rows],
            drawn_before=[row.drawn for row in rows],
            num_alternatives=min(max(row.generation.request.alternatives for row in rows), vocab_size),
            compile="auto" if recorded else "off",
        )


def check_prompts(speaker: Speaker, prompts: list[list[int]]) -> None:
    """Refuse prompts that the model cannot read.

    Raises:
        ValueError: a prompt is empty, too long, or has ids outside the vocabulary.
    """
    config = speaker.model.config
    for ids in prompts:
        if not ids:
            raise ValueError("the prompt is empty, and the tokenizer has no token that begins a document: give a text")
        if len(ids) > config.context_length:
            raise ValueError(f"the prompt has {len(ids)} tokens, but the model's context is {config.context_length}")
        if not all(0 <= token_id < config.vocab_size for token_id in ids):
            raise ValueError(
                f"the prompt has ids outside the model's vocabulary: they go from 0 to {config.vocab_size - 1}"
            )


def text_token(speaker: Speaker, decoder: StreamDecoder, token: DrawnToken, alternatives: int) -> TextToken:
    """Return a token as text; the decoder has been fed those before it."""
    named = tuple((token_name(speaker, other), value) for other, value in token.alternatives[:alternatives])
    return TextToken(_text(speaker, decoder, token.id), token_name(speaker, token.id), token.log_probability, named)


def token_name(speaker: Speaker, token_id: int) -> str:
    """Return the text of a token alone; `bytes:` and the escaped bytes if it is not whole characters."""
    content = speaker.token_bytes(token_id)
    if not content:
        return f"bytes:<id {token_id}>"
    try:
        return content.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in content)


def _prompt_ids(speaker: Speaker, prompt: str | tuple[int, ...]) -> list[int]:
    if isinstance(prompt, str):
        return document_ids(speaker.tokenizer, prompt, speaker.text)
    return list(prompt) or speaker.text.document_start(speaker.tokenizer)


def _shown_prompt(
    speaker: Speaker, prompt: str | tuple[int, ...], ids: list[int], request: GenerationRequest
) -> tuple[TextToken, ...]:
    """Return the tokens of a prompt, without what is put before it, with their probabilities if they are asked for."""
    decoder = StreamDecoder(speaker.tokenizer)
    first = len(speaker.text.begin_ids(speaker.tokenizer)) if isinstance(prompt, str) else 0
    unscored = ids[first:1] if request.score_prompts else ids[first:]
    tokens = [
        TextToken(_text(speaker, decoder, token_id), token_name(speaker, token_id), None) for token_id in unscored
    ]
    if request.score_prompts:
        scored = score(speaker.model, ids, min(request.alternatives, speaker.model.config.vocab_size))
        tokens += [text_token(speaker, decoder, token, request.alternatives) for token in scored]
    rest = decoder.finish()
    return (*tokens[:-1], replace(tokens[-1], text=tokens[-1].text + rest))


def _text(speaker: Speaker, decoder: StreamDecoder, token_id: int) -> str:
    """Return the characters that a token completes; a model may have more ids than the tokenizer."""
    return decoder.feed(token_id) if speaker.token_bytes(token_id) else ""
