"""A trained model together with its tokenizer: text in, text out."""

import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import tee
from pathlib import Path
from typing import Literal

import torch

from bpe import StreamDecoder, Tokenizer
from nn import DecodingMode, SamplingConfig, TransformerLM, generate_batch
from text_config import read_run_config
from text_data import END_OF_TEXT
from trainer import RunDirectory, choose_device
from trainer.checkpoints import open_checkpoint


@dataclass(frozen=True)
class Speaker:
    """A trained model with the tokenizer that it was trained with."""

    model: TransformerLM
    tokenizer: Tokenizer

    @property
    def end_token(self) -> int | None:
        """The id that separates documents, if the tokenizer has it."""
        return self.tokenizer.special_tokens.get(END_OF_TEXT)

    def encode_prompt(self, prompt: str, *, truncate: bool = False) -> list[int]:
        """Return the prompt's ids; an empty prompt is the start of a new document.

        Raises:
            ValueError: the prompt does not fit the context and may not be truncated.
        """
        ids = self.tokenizer.encode(prompt)
        if not ids and self.end_token is not None:
            ids = [self.end_token]
        excess = len(ids) - self.model.config.context_length
        if excess > 0:
            cut = self.tokenizer.decode(ids[:excess])
            shown = repr(cut if len(cut) <= 60 else f"{cut[:30]} … {cut[-30:]}")
            what = (
                f"the prompt has {len(ids)} tokens, but the model's context is {self.model.config.context_length}: "
                f"the first {excess}, {shown},"
            )
            if not truncate:
                raise ValueError(f"{what} would be cut; shorten the prompt, or allow it with --truncate-prompt")
            print(f"note: {what} are cut", file=sys.stderr)
            ids = ids[excess:]
        return ids

    def stop_token(self, text: str) -> int:
        """Return the id of the token, special or not, with this text.

        Raises:
            ValueError: there is no such token, or the model's vocabulary does not contain it.
        """
        ids = self.tokenizer.encode(text)
        if len(ids) != 1 or ids[0] >= self.model.config.vocab_size:
            raise ValueError(f"the stop text {text!r} is {len(ids)} tokens of the tokenizer: give one that is a token")
        return ids[0]

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
        stops = {*stop_tokens} if self.end_token is None else {*stop_tokens, self.end_token}
        steps = generate_batch(
            self.model,
            [prompt_ids] * len(seeds),
            max_new_tokens,
            sampling,
            stop_tokens={token_id for token_id in stops if token_id < self.model.config.vocab_size},
            generators=[torch.Generator().manual_seed(seed) for seed in seeds],
            compile=compile,
        )
        return [self._decode(_row(index, copy)) for index, copy in enumerate(tee(steps, len(seeds)))]

    def _decode(self, ids: Iterator[int]) -> Iterator[str]:
        stream = StreamDecoder(self.tokenizer)
        known = self.tokenizer.vocab
        for token_id in ids:
            # A model may have more rows than the tokenizer has entries; such rows were never trained.
            if token_id in known:
                yield stream.feed(token_id)
        yield stream.finish()


def _row(index: int, steps: Iterator[list[int | None]]) -> Iterator[int]:
    """Return the ids of one row of a batch, until it has ended."""
    for ids in steps:
        token_id = ids[index]
        if token_id is None:
            return
        yield token_id


def load_speaker(run: RunDirectory, checkpoint: Path | None = None, device: str = "auto") -> Speaker:
    """Load a run's model, from its latest checkpoint if none is named, and its tokenizer.

    Raises:
        ValueError: the run has no tokenizer, no checkpoint, or a damaged one.
    """
    model = TransformerLM(read_run_config(run).model)
    restore_checkpoint(model, run, checkpoint)
    return Speaker(model.to(choose_device(device)).eval(), Tokenizer.load(run.tokenizer))


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
