"""What a tokenizer is trained on: one file, several files, or strings from anywhere, each a text of its own.

>>> source = open_source(iter(["To be,", "or not to be"]))
>>> [list(chunks) for chunks in source.texts()], source.bytes_read
([['To be,'], ['or not to be']], 18)

Neither a file nor a string runs on into the next: no piece (pre-token) and no special token lies across two of them, as
if a special token stood in between. A stream that was cut at random places should therefore be joined first, or
be written to a file.
"""

import os
import re
import stat
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from bpe.text_files import read_text

Source = str | os.PathLike[str] | Iterable[str] | Iterable[os.PathLike[str]]
"""A path, a list or tuple of paths, or any other iterable, which yields texts."""


_SURROGATE = re.compile("[\ud800-\udfff]")


class TrainingSource:
    """Texts to train on, which can be gone through once, with `texts` or with what it consists of."""

    def __init__(self, name: str, paths: list[Path] | None, strings: Iterable[str]) -> None:
        self.name = name
        """What to call it in messages."""
        self.paths = paths
        """The files, None if it is strings."""
        self.size = None if paths is None else _total_size(paths)
        """UTF-8 bytes in all, None if that is not known before the end."""
        self.bytes_read = 0
        """UTF-8 bytes read so far."""
        self.on_read: Callable[[int], None] = _ignore
        """Is told how many bytes were read, now and then."""
        self._held: deque[str] = deque()
        self._strings = _typed(strings)

    def look_ahead(self, num_characters: int) -> int:
        """Fetch strings until they have so many characters, or none is left; return how many they have.

        Raises:
            ValueError: the iterable yields something that is no text.
        """
        found = 0
        while found < num_characters and (string := next(self._strings, None)) is not None:
            self._held.append(string)
            found += len(string)
        return found

    def note_read(self, num_bytes: int) -> None:
        """Count bytes as read; whoever reads `paths` directly has to."""
        self.bytes_read += num_bytes
        self.on_read(num_bytes)

    def texts(self) -> Iterator[Iterator[str]]:
        """Yield each text in chunks. The chunks of one text have to be used before the next is asked for.

        Raises:
            TextFileError: a file is empty or not UTF-8.
            ValueError: the iterable yields something that is no text, or nothing at all.
        """
        if self.paths is None:
            for batch in self.batches(1):
                for string in batch:
                    yield iter([string])
        else:
            for path in self.paths:
                yield self.chunks(path)

    def chunks(self, path: Path) -> Iterator[str]:
        """Yield the text of one of the files in chunks.

        Raises:
            TextFileError: the file is empty or not UTF-8.
        """
        for chunk in read_text(path):
            yield chunk
            self.note_read(len(chunk) if chunk.isascii() else len(chunk.encode()))

    def batches(self, num_characters: int) -> Iterator[list[str]]:
        """Yield the strings in lists that have about so many characters, or one string that has more.

        Raises:
            ValueError: the iterable yields something that is no text, or nothing at all.
        """
        position = 0
        batch: list[str] = []
        gathered = 0
        for string in self._all_strings():
            if batch and gathered + len(string) > num_characters:
                yield self._checked(batch, position)
                position += len(batch)
                batch, gathered = [], 0
            batch.append(string)
            gathered += len(string)
        if batch:
            yield self._checked(batch, position)
        if self.paths is None and self.bytes_read == 0:
            raise ValueError("the iterable to train on has no text in it: an iterator can be used only once")

    def _all_strings(self) -> Iterator[str]:
        while self._held:
            yield self._held.popleft()
        yield from self._strings

    def _checked(self, batch: list[str], position: int) -> list[str]:
        """Return strings, the first of which has this position in the iterable, if UTF-8 can hold them."""
        text = "".join(batch)
        try:
            self.note_read(len(text) if text.isascii() else len(text.encode()))
        except UnicodeEncodeError:
            raise _surrogate_error(batch, position) from None
        return batch


def _typed(strings: Iterable[str]) -> Iterator[str]:
    """Yield the strings, and refuse what is none."""
    for position, string in enumerate(strings):
        if not isinstance(string, str):
            raise ValueError(
                f"item {position} of the iterable to train on is of type {type(string).__name__}: it has to yield "
                "strings (for files, give a list or tuple of paths)"
            )
        yield string


def _surrogate_error(batch: list[str], position: int) -> ValueError:
    """Return the error for strings of which one has a surrogate."""
    number, string = next((n, s) for n, s in enumerate(batch, position) if _SURROGATE.search(s))
    found = _SURROGATE.search(string)
    assert found is not None
    return ValueError(
        f"item {number} of the iterable to train on is no text that UTF-8 can hold: it has the lone "
        f"surrogate {found.group()!r} at character {found.start()}; decode its bytes as UTF-8"
    )


def _total_size(paths: list[Path]) -> int | None:
    """Return how many bytes files have, or None if one of them, such as a pipe, does not tell."""
    statuses = [path.stat() for path in paths]
    if not all(stat.S_ISREG(status.st_mode) for status in statuses):
        return None
    return sum(status.st_size for status in statuses)


def _ignore(num_bytes: int) -> None:
    del num_bytes


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
