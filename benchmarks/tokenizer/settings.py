"""What the tokenizer's benchmark measures, and a description of the corpora."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common.workers import Answer, Request, interleave, run_worker
from benchmarks.tokenizer import SEPARATOR, corpora
from benchmarks.tokenizer.character_classes import bytes_by_class
from benchmarks.tokenizer.libraries import Library

Row = dict[str, Any]
WORKER = "benchmarks.tokenizer.worker"


@dataclass(frozen=True)
class Settings:
    """What is measured."""

    texts: Sequence[Path]
    files: dict[str, str]
    """GPT-2's vocabulary by format."""
    libraries: Sequence[Library]
    repetitions: int
    scratch: Path
    """A folder for temporary files."""
    show: Callable[[str], None]
    """Receives progress messages."""

    def able(self, can: Callable[[Library], bool]) -> list[Library]:
        """Return the installed libraries that satisfy a condition, ours first."""
        return [library for library in self.libraries if can(library) and library.version is not None]

    def head_of(self, text: Path, size: int | None) -> Path:
        """Return a file with the first `size` bytes of a text (up to the end of a line), or the text if it is smaller.

        Args:
            text: the whole text.
            size: in bytes; None for the whole text.
        """
        if size is None or text.stat().st_size <= size:
            return text
        head = self.scratch / f"{text.stem}-{size}.txt"
        if not head.exists():
            corpora.cut(text, head, size)
        return head

    def run(self, request: Request) -> Answer:
        """Measure one request in a fresh process; raises `WorkerError` if it fails."""
        return run_worker(request, WORKER)

    def interleave(self, requests: Sequence[Request], repetitions: int | None = None) -> list[list[Answer]]:
        """Measure requests that are compared with each other, and return the answers of each."""
        return interleave(requests, repetitions or self.repetitions, self.run, self.show)


def describe_corpus(text: Path) -> Row:
    """Return a corpus's name, size, SHA-256, number of separators and bytes by script."""
    digest, separators = hashlib.sha256(), 0
    with text.open("rb") as file:
        for line in file:
            digest.update(line)
            separators += line.count(SEPARATOR.encode())
    return {
        "name": text.name,
        "bytes": text.stat().st_size,
        "sha256": digest.hexdigest(),
        "separators": separators,
        "bytes_by_class": bytes_by_class(text),
    }
