"""Talk to a trained run: `uv run apps/generate.py runs/quickstart --prompt "One day"`."""

import sys
from argparse import Namespace
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import torch

from bpe import StreamDecoder, Tokenizer
from command import OneLineParser, run_command
from nn import DecodingMode, SamplingConfig, TransformerLM, generate
from text_data import END_OF_TEXT
from text_run import TextRunConfig, restore_checkpoint
from trainer import RunDirectory, choose_device, open_run_directory, parse_config
from trainer.runtime.compilation import missing_compiler


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
        """Return the id whose text is this, special or not.

        Raises:
            ValueError: no token is, or the model does not know it.
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
        seed: int,
        stop_tokens: Collection[int] = (),
        compile: DecodingMode | Literal["auto"] = "auto",
    ) -> Iterator[str]:
        """Return the continuation as text, bit by bit but never a part of a character, until the document ends.

        Raises:
            ValueError: the prompt or the number of tokens cannot be used; at the call, before any text.
        """
        stops = {*stop_tokens} if self.end_token is None else {*stop_tokens, self.end_token}
        ids = generate(
            self.model,
            prompt_ids,
            max_new_tokens,
            sampling,
            stop_tokens={token_id for token_id in stops if token_id < self.model.config.vocab_size},
            generator=torch.Generator().manual_seed(seed),
            compile=compile,
        )
        return self._decode(ids)

    def _decode(self, ids: Iterator[int]) -> Iterator[str]:
        stream = StreamDecoder(self.tokenizer)
        known = self.tokenizer.vocab
        for token_id in ids:
            # A model may have more rows than the tokenizer has entries; nothing taught it to use them.
            if token_id in known:
                yield stream.feed(token_id)
        yield stream.finish()


def load_speaker(run: RunDirectory, checkpoint: Path | None = None, device: str = "auto") -> Speaker:
    """Load a run's model, from its latest checkpoint if none is named, and its tokenizer.

    Raises:
        ValueError: the run has no tokenizer, no checkpoint, or a damaged one.
    """
    if not run.tokenizer.is_file():
        raise ValueError(
            f"{run.tokenizer} does not exist: the run was made from tokens alone; copy its tokenizer there"
        )
    config, _ = parse_config(TextRunConfig, [], files=[run.config])
    model = TransformerLM(config.model)
    restore_checkpoint(model, run, checkpoint)
    return Speaker(model.to(choose_device(device)).eval(), Tokenizer.load(run.tokenizer))


def parse(arguments: list[str]) -> Namespace:
    """Read the command line."""
    parser = OneLineParser(description="Generate text with a trained run.")
    parser.add_argument("run", type=Path, metavar="RUN", help="the run's folder, such as runs/quickstart")
    parser.add_argument("--prompt", default="", help="text to continue; without it a new document is begun")
    parser.add_argument("--max-new-tokens", type=int, default=256, help="where to stop at the latest (default 256)")
    parser.add_argument("--temperature", type=float, default=0.7, help="0 always takes the likeliest (default 0.7)")
    parser.add_argument("--top-p", type=float, default=0.9, help="smallest set that reaches this (default 0.9)")
    parser.add_argument("--top-k", type=int, default=None, help="the k likeliest only (default: no limit)")
    parser.add_argument("--min-p", type=float, default=0.0, help="at least this share of the likeliest's probability")
    parser.add_argument("--repetition-penalty", type=float, default=1.0, help="above 1: tokens of the text come less")
    parser.add_argument("--stop", action="append", default=[], metavar="TOKEN", help="end at this token; repeatable")
    parser.add_argument("--seed", type=int, default=0, help="repeats a text; sample i takes seed + i (default 0)")
    parser.add_argument("--num-samples", type=int, default=1, help="texts to generate (default 1)")
    parser.add_argument("--truncate-prompt", action="store_true", help="cut the start of a prompt that is too long")
    parser.add_argument("--checkpoint", type=Path, help="a checkpoint's folder (default: the run's latest)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, … (default auto)")
    modes = ("auto", *get_args(DecodingMode))
    parser.add_argument(
        "--compile", choices=modes, default="auto", help="how steps run (default auto; see nn.decoding)"
    )
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> None:
    """Print the texts as they come."""
    given = parse(arguments)
    if given.num_samples < 1:
        raise ValueError(f"--num-samples is {given.num_samples}: give at least 1")
    if not 0 <= given.seed < 2**63 - given.num_samples:
        raise ValueError(f"--seed is {given.seed}: give 0 or more, below 2**63")
    sampling = SamplingConfig(
        temperature=given.temperature,
        top_k=given.top_k,
        top_p=given.top_p,
        min_p=given.min_p,
        repetition_penalty=given.repetition_penalty,
    )
    speaker = load_speaker(open_run_directory(given.run), given.checkpoint, given.device)
    prompt_ids = speaker.encode_prompt(given.prompt, truncate=given.truncate_prompt)
    if given.compile == "on" and (missing := missing_compiler(speaker.model.embedding.weight.device)):
        raise ValueError(f"--compile is on, but {missing}: leave it out")
    stops = [speaker.stop_token(text) for text in given.stop]
    for number in range(given.num_samples):
        seed = given.seed + number
        parts = speaker.speak(prompt_ids, given.max_new_tokens, sampling, seed, stops, given.compile)
        if given.num_samples > 1:
            print(f"--- {number + 1} of {given.num_samples} (seed {seed}) ---")
        print_stream(given.prompt, parts)


def print_stream(prompt: str, parts: Iterator[str]) -> None:
    """Print a prompt and its continuation, each part at once."""
    print(prompt, end="", flush=True)
    started = bool(prompt)
    for part in parts:
        text = part if started else part.lstrip()  # a new document begins with the line end after the separator
        started = started or bool(text)
        print(text, end="", flush=True)
    print()


if __name__ == "__main__":
    run_command(main)
