"""A trained model together with its tokenizer: text in, text out."""

import codecs
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, tee
from pathlib import Path
from typing import Literal

import torch

from bpe import Tokenizer
from nn import DecodingMode, DrawnToken, SamplingConfig, TransformerLM, generate_tokens
from prompts import prompt_ids
from text_config import TextConfig, read_run_config
from trained_run import TrainedModel
from trainer import RunDirectory, choose_device
from trainer.checkpoints import open_checkpoint


@dataclass(frozen=True)
class SpokenToken:
    """A token of a text that is being generated."""

    text: str
    """The characters that it completes: none if it ends inside one, which comes with a later token as a whole."""
    token: DrawnToken
    """Its id, and how probable it was."""


@dataclass(frozen=True)
class Speaker:
    """A trained model with the tokenizer that it was trained with."""

    model: TransformerLM
    tokenizer: Tokenizer
    text: TextConfig = field(default_factory=TextConfig)
    """How the texts begin and end that the model was trained on."""

    @property
    def end_token(self) -> int | None:
        """The id that ends a text, if the tokenizer has it."""
        return self.text.end_id(self.tokenizer)

    @property
    def stop_tokens(self) -> set[int]:
        """The ids at which a text ends: that of the end, and that with which the next text would begin."""
        ids = {self.end_token, *self.text.begin_ids(self.tokenizer)}
        return {token_id for token_id in ids if token_id is not None and token_id < self.model.config.vocab_size}

    def encode_prompt(self, prompt: str, *, truncate: bool = False) -> list[int]:
        """Return the prompt's ids; an empty prompt is the start of a new document.

        Raises:
            ValueError: the prompt does not fit the context and may not be truncated.
        """
        context_length = self.model.config.context_length
        return prompt_ids(self.tokenizer, context_length, prompt, text=self.text, truncate=truncate)

    def begins_text(self, prompt_ids: Sequence[int]) -> bool:
        """Return whether what follows a prompt is the beginning of a text: there are only special tokens before it."""
        return set(prompt_ids) <= set(self.tokenizer.special_tokens.values())

    def speak(
        self,
        prompt_ids: list[int],
        max_new_tokens: int,
        sampling: SamplingConfig,
        seeds: Sequence[int],
        stop_tokens: Collection[int] = (),
        compile: DecodingMode | Literal["auto"] = "auto",
    ) -> list[Iterator[str]]:
        """Return a continuation for each seed; all of them are generated together, as far as the furthest one is read.

        Each comes in pieces of text, never with a part of a character, until its document ends.

        Raises:
            ValueError: the prompt or the number of tokens cannot be used; at the call, before any text.
        """
        prompts = [prompt_ids] * len(seeds)
        steps = self.stream(prompts, max_new_tokens, sampling, seeds, stop_tokens=stop_tokens, compile=compile)
        rows = separate_rows(steps, len(seeds))
        return [(spoken.text for spoken in row) for row in rows]

    def stream(
        self,
        prompts: Sequence[Sequence[int]],
        max_new_tokens: int,
        samplings: SamplingConfig | Sequence[SamplingConfig],
        seeds: Sequence[int],
        *,
        stop_tokens: Collection[int] = (),
        drawn_before: Sequence[int] | None = None,
        num_alternatives: int = 0,
        compile: DecodingMode | Literal["auto"] = "auto",
    ) -> Iterator[list[SpokenToken | None]]:
        """Continue several prompts together, yielding the next token of each with its text; None for ended ones.

        Args:
            prompts: the ids of each, at least one and at most the context.
            max_new_tokens: the most tokens of each continuation; one with fewer has come to a stop token.
            samplings: how tokens are drawn, in all continuations or one for each.
            seeds: one for each prompt.
            stop_tokens: ids that end a text, besides the speaker's own.
            drawn_before: for each prompt, how many tokens an earlier call has drawn with its seed; see
                `nn.generate_tokens`.
            num_alternatives: also yield this many of the most probable tokens at each place.
            compile: how each step runs; see `nn.DecodingMode`.

        Raises:
            ValueError: an argument cannot be used; at the call, before any text.
        """
        vocab_size = self.model.config.vocab_size
        steps = generate_tokens(
            self.model,
            prompts,
            max_new_tokens,
            samplings,
            stop_tokens=self.stop_tokens | {token_id for token_id in stop_tokens if token_id < vocab_size},
            generators=[torch.Generator().manual_seed(seed) for seed in seeds],
            drawn_before=drawn_before,
            num_alternatives=num_alternatives,
            compile=compile,
        )
        return self._with_text(steps, [self.begins_text(prompt) for prompt in prompts])

    def _with_text(
        self, steps: Iterator[list[DrawnToken | None]], begins: Sequence[bool]
    ) -> Iterator[list[SpokenToken | None]]:
        count = len(begins)
        decoders = [codecs.getincrementaldecoder("utf-8")("replace") for _ in range(count)]
        held: list[SpokenToken | None] | None = None
        end: list[DrawnToken | None] = [None] * count
        for tokens in chain(steps, [end]):
            ended = [token is None for token in tokens]
            if held is not None:
                # A character that is incomplete at the end of its text is shown as U+FFFD, with the last token.
                yield [
                    replace(spoken, text=spoken.text + decoder.decode(b"", final=True)) if last and spoken else spoken
                    for spoken, decoder, last in zip(held, decoders, ended, strict=True)
                ]
            if all(ended):
                return
            held = [
                None if token is None else SpokenToken(self._decoded(token.id, decoder, begins_text=at_start), token)
                for token, decoder, at_start in zip(tokens, decoders, begins, strict=True)
            ]
            begins = [False] * count
            # Only a step that ends inside a character must wait for the next one: its text may end there.
            if not any(decoder.getstate()[0] for decoder in decoders):
                yield held
                held = None

    def _decoded(self, token_id: int, decoder: codecs.IncrementalDecoder, *, begins_text: bool) -> str:
        text = decoder.decode(self.token_bytes(token_id))
        return self.tokenizer.text_from_start(text) if begins_text else text

    def token_bytes(self, token_id: int) -> bytes:
        """Return the bytes of a token: none for an id that only the model has, which was never trained."""
        try:
            return self.tokenizer.decode_bytes([token_id])
        except ValueError:
            return b""


def separate_rows(steps: Iterator[list[SpokenToken | None]], count: int) -> list[Iterator[SpokenToken]]:
    """Return an iterator for each continuation; all of them are generated as far as the furthest one is read."""

    def row(index: int, copy: Iterator[list[SpokenToken | None]]) -> Iterator[SpokenToken]:
        for tokens in copy:
            token = tokens[index]
            if token is None:
                return
            yield token

    return [row(index, copy) for index, copy in enumerate(tee(steps, count))]


def load_model(found: TrainedModel, device: str = "auto") -> Speaker:
    """Load the weights of a model that was found.

    Raises:
        ValueError: there is no intact checkpoint, or the weights are damaged or of another model.
        OSError: a file cannot be read.
    """
    if found.run is None:
        from nn.interchange import load_llama

        model = load_llama(found.path)
    else:
        model = TransformerLM(found.config)
        restore_checkpoint(model, found.run, found.checkpoint)
    return Speaker(model.to(choose_device(device)).eval(), found.tokenizer, found.text)


def load_speaker(run: RunDirectory, checkpoint: Path | None = None, device: str = "auto") -> Speaker:
    """Load a run's model, from its latest checkpoint if none is named, and its tokenizer.

    Raises:
        ValueError: the run has no tokenizer, no checkpoint, or a damaged one.
    """
    config, tokenizer = read_run_config(run), Tokenizer.load(run.tokenizer)
    return load_model(TrainedModel(run.path, config.model, tokenizer, config.text, run, checkpoint), device)


def restore_checkpoint(model: TransformerLM, run: RunDirectory, named: Path | None = None) -> Path:
    """Fill a model from a checkpoint of a run: the named one, else the newest that is not damaged.

    Returns:
        The checkpoint's folder.

    Raises:
        ValueError: there is none, it is damaged, or it belongs to another model.
    """
    checkpoint, messages = (open_checkpoint(named), ()) if named is not None else run.latest_good_checkpoint()
    for message in messages:
        print(f"note: {message}", file=sys.stderr)
    checkpoint.restore(model)
    return checkpoint.path
