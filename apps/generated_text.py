"""Generated texts as JSON, and how fast they were generated."""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from speaker import Speaker, SpokenToken


@dataclass
class Throughput:
    """Counts tokens as they are generated."""

    tokens: int = 0
    """So far, in all continuations."""
    seconds: float = 0.0
    """The time that they took, with that of reading the prompts."""
    first: float | None = None
    """Seconds to the first one."""

    def watch(self, steps: "Iterator[list[SpokenToken | None]]") -> "Iterator[list[SpokenToken | None]]":
        """Yield the steps and count their tokens."""
        begin, before = time.perf_counter(), self.seconds
        for step in steps:
            self.seconds = before + time.perf_counter() - begin
            self.first = self.seconds if self.first is None else self.first
            self.tokens += sum(token is not None for token in step)
            yield step

    def __str__(self) -> str:
        """Return what is shown to the user."""
        if self.first is None:
            return "no tokens"
        return (
            f"{self.tokens:,} tokens in {self.seconds:.2f} s: {self.tokens / self.seconds:,.1f} tokens/s, "
            f"the first after {self.first:.2f} s"
        )


@dataclass
class Sample:
    """A text to generate, and its tokens so far."""

    number: int
    """Its place among all samples, from 0."""
    prompt: str
    prompt_ids: list[int]
    seed: int
    tokens: "list[SpokenToken]" = field(default_factory=list)
    seconds: float = 0.0
    """The time to its last token."""

    def to_json(self, speaker: "Speaker", max_new_tokens: int) -> str:
        """Return the line that `--json` prints, in ASCII, so that no terminal's encoding changes it.

        A token has its own text, with U+FFFD for what is not UTF-8 by itself, such as a part of a character; then its
        bytes are added, as numbers. The text of all tokens together has the characters that their bytes make.
        """
        tokens = []
        for token in (spoken.token for spoken in self.tokens):
            alternatives = [_described(speaker, *alternative) for alternative in token.alternatives]
            tokens.append({**_described(speaker, token.id, token.log_probability), "alternatives": alternatives})
        content = {
            "prompt": self.prompt,
            "text": "".join(spoken.text for spoken in self.tokens),
            "seed": self.seed,
            "ended": "stop" if len(self.tokens) < max_new_tokens else "length",
            "tokens_per_second": round(len(self.tokens) / self.seconds, 2) if self.seconds else 0.0,
            "tokens": tokens,
        }
        return json.dumps(content)


def collect(samples: Sequence[Sample], steps: "Iterator[list[SpokenToken | None]]") -> None:
    """Add the tokens of all steps to the samples."""
    begin = time.perf_counter()
    for step in steps:
        for sample, spoken in zip(samples, step, strict=True):
            if spoken is not None:
                sample.tokens.append(spoken)
                sample.seconds = time.perf_counter() - begin


def note(text: str) -> None:
    """Print a line that is not part of the text."""
    print(text, file=sys.stderr, flush=True)


def _described(speaker: "Speaker", token_id: int, log_probability: float) -> dict[str, Any]:
    content = speaker.token_bytes(token_id)
    described = {
        "id": token_id,
        "text": content.decode("utf-8", "replace"),
        "log_probability": round(log_probability, 6),
    }
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        described["bytes"] = list(content)
    return described
