"""What a measurement is made with, and what is told about the texts."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import corpora
from libraries import Library

Row = dict[str, Any]


@dataclass(frozen=True)
class Settings:
    """What is measured."""

    texts: Sequence[Path]
    files: dict[str, str]
    """GPT-2's vocabulary by format."""
    libraries: Sequence[Library]
    repetitions: int
    scratch: Path
    """A folder for what is written on the way."""
    say: Callable[[str], None]

    def able(self, can: Callable[[Library], bool]) -> list[Library]:
        """Return the installed libraries that can do it, ours first."""
        return [library for library in self.libraries if can(library) and library.version is not None]

    def beginning(self, text: Path, size: int | None) -> Path:
        """Return a file with the first `size` bytes of a text (up to a line end), or the text where it is no larger."""
        if size is None or text.stat().st_size <= size:
            return text
        part = self.scratch / f"{text.stem}-{size}.txt"
        if not part.exists():
            corpora.cut(text, part, size)
        return part


def describe_corpus(text: Path) -> Row:
    """Tell a corpus's size, SHA-256, documents and what it is written in."""
    digest, separators = hashlib.sha256(), 0
    with text.open("rb") as file:
        for line in file:
            digest.update(line)
            separators += line.count(corpora.SEPARATOR.encode())
    return {
        "name": text.name,
        "bytes": text.stat().st_size,
        "sha256": digest.hexdigest(),
        "separators": separators,
        "bytes_by_class": corpora.bytes_by_class(text),
    }
