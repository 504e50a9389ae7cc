"""What a tokenizer is trained on: one file, several files, or strings from anywhere, each a text of its own.

>>> source = open_source(iter(["To be,", "or not to be"]))
>>> [list(chunks) for chunks in source.texts()], source.bytes_read
([['To be,'], ['or not to be']], 18)

Neither a file nor a string runs on into the next: no piece (pre-token) and no special token lies across two of them, as
if a special token stood in between. A stream that was cut at random places should therefore be joined first, or
be written to a file.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from bpe.text_files import read_text

Source = str | os.PathLike[str] | Iterable[str] | Iterable[os.PathLike[str]]
"""A path, a list or tuple of paths, or any other iterable, which yields texts."""


class TrainingSource:
    """Texts to train on, which can be gone through once."""

    def __init__(self, name: str, paths: list[Path] | None, strings: Iterable[str]) -> None:
        self.name = name
        """What to call it in messages."""
        self.bytes_read = 0
        """UTF-8 bytes read so far."""
        self.size = None if paths is None else sum(path.stat().st_size for path in paths)
        """UTF-8 bytes in all, None if that is not known before the end."""
        self._paths = paths
        self._strings = strings

    def texts(self) -> Iterator[Iterator[str]]:
        """Yield each text in chunks. The chunks of one text have to be used before the next is asked for.

        Raises:
            TextFileError: a file is empty or not UTF-8.
            ValueError: the iterable yields something that is no text, or nothing at all.
        """
        if self._paths is None:
            for position, string in enumerate(self._strings):
                yield iter([self._checked(string, position)])
            if self.bytes_read == 0:
                raise ValueError("the iterable to train on has no text in it: an iterator can be used only once")
        else:
            for path in self._paths:
                yield self._chunks(path)

    def _chunks(self, path: Path) -> Iterator[str]:
        for chunk in read_text(path):
            self.bytes_read += len(chunk.encode())
            yield chunk

    def _checked(self, string: str, position: int) -> str:
        """Return the string with this position in the iterable, if it is one."""
        if not isinstance(string, str):
            raise ValueError(
                f"item {position} of the iterable to train on is of type {type(string).__name__}: it has to yield "
                "strings (for files, give a list or tuple of paths)"
            )
        try:
            self.bytes_read += len(string.encode())
        except UnicodeEncodeError as error:
            raise ValueError(
                f"item {position} of the iterable to train on is no text that UTF-8 can hold: it has the lone "
                f"surrogate {error.object[error.start]!r} at character {error.start}; decode its bytes as UTF-8"
            ) from None
        return string


def open_source(source: Source) -> TrainingSource:
    """Tell what a source is, and find its files.

    Raises:
        ValueError: it is neither a path, nor a list or tuple of paths, nor another iterable; or the list is empty.
        OSError: a file does not exist or cannot be read.
    """
    if isinstance(source, str | os.PathLike):
        return TrainingSource(os.fspath(source), [Path(source)], ())
    if isinstance(source, bytes | bytearray | memoryview) or not isinstance(source, Iterable):
        raise ValueError(
            f"cannot train on an object of type {type(source).__name__}: give a path, a list of paths, "
            "or an iterator of strings"
        )
    if not isinstance(source, list | tuple):
        return TrainingSource("the iterable", None, source)  # type: ignore[arg-type]  # checked item by item
    if not source:
        raise ValueError("the list of files to train on is empty: give at least one path")
    for position, path in enumerate(source):
        if not isinstance(path, str | os.PathLike):
            raise ValueError(
                f"item {position} of the list to train on is of type {type(path).__name__}: a list or tuple holds "
                "paths (for strings, give an iterator, such as iter(texts))"
            )
    names = [os.fspath(path) for path in source]
    name = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
    return TrainingSource(name, [Path(path) for path in names], ())
