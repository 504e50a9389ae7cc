"""What a tokenizer is trained on: one file, several files, or strings from any iterable, each a text of its own.

>>> source = open_source(iter(["To be,", "or not to be"]))
>>> [list(chunks) for chunks in source.texts()], source.bytes_read
([['To be,'], ['or not to be']], 18)

No piece (pre-token) and no special token extends across two files or two strings, as if a special token were between
them. A stream that was cut at arbitrary places is to be passed through `bpe.cut_stream`.
"""

import os
import re
import stat
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from bpe.checks import check_input_path
from bpe.text_files import read_text

Source = str | os.PathLike[str] | Iterable[str] | Iterable[os.PathLike[str]]
"""A path, a list or tuple of paths, or any other iterable, which yields texts."""

_SURROGATE = re.compile("[\ud800-\udfff]")


class TrainingSource:
    """Texts to train on. They can be read once: with `texts`, or with `chunks` and `batches`, which it uses."""

    def __init__(self, name: str, paths: list[Path] | None, strings: Iterable[str]) -> None:
        self.name = name
        """What messages call it."""
        self.paths = paths
        """The files; None if the source is an iterable of strings."""
        self.size = None if paths is None else _total_size(paths)
        """UTF-8 bytes in total; None if they are not known before the end."""
        self.bytes_read = 0
        """UTF-8 bytes read so far."""
        self.on_read: Callable[[int], None] = _ignore
        """Called from time to time with the number of bytes read since the last call."""
        self._held: deque[str] = deque()
        self._strings = _typed(strings)

    def look_ahead(self, num_characters: int) -> int:
        """Fetch strings until they have `num_characters` in total, or none is left; return how many they have.

        Raises:
            ValueError: the iterable yields something that is not text.
        """
        found = 0
        while found < num_characters and (string := next(self._strings, None)) is not None:
            self._held.append(string)
            found += len(string)
        return found

    def note_read(self, num_bytes: int) -> None:
        """Add to the bytes that were read. Code that reads `paths` directly has to call this."""
        self.bytes_read += num_bytes
        self.on_read(num_bytes)

    def texts(self) -> Iterator[Iterator[str]]:
        """Yield each text in chunks. The chunks of one text have to be consumed before the next text is requested.

        Raises:
            TextFileError: a file is empty or not UTF-8.
            ValueError: the iterable yields something that is not text, or nothing at all.
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
        """Yield the strings in lists that have about `num_characters` in total, or one string that has more.

        Raises:
            ValueError: the iterable yields something that is not text, or nothing at all.
        """
        position = 0
        batch: list[str] = []
        num_batched = 0
        for string in self._all_strings():
            if batch and num_batched + len(string) > num_characters:
                yield self._checked(batch, position)
                position += len(batch)
                batch, num_batched = [], 0
            batch.append(string)
            num_batched += len(string)
        if batch:
            yield self._checked(batch, position)
        if self.paths is None and self.bytes_read == 0:
            raise ValueError("the iterable to train on has no text in it: an iterator can be used only once")

    def _all_strings(self) -> Iterator[str]:
        while self._held:
            yield self._held.popleft()
        yield from self._strings

    def _checked(self, batch: list[str], position: int) -> list[str]:
        """Return the strings, the first of which has this position in the iterable, if they can be encoded in UTF-8."""
        text = "".join(batch)
        try:
            self.note_read(len(text) if text.isascii() else len(text.encode()))
        except UnicodeEncodeError:
            raise _surrogate_error(batch, position) from None
        return batch


def _typed(strings: Iterable[str]) -> Iterator[str]:
    """Yield the strings, and raise an error for anything else."""
    for position, string in enumerate(strings):
        if not isinstance(string, str):
            raise ValueError(
                f"item {position} of the iterable to train on is of type {type(string).__name__}: it has to yield "
                "strings (to train on files, give a list or tuple of paths)"
            )
        yield string


def _surrogate_error(batch: list[str], position: int) -> ValueError:
    """Return the error for a batch in which a string contains a surrogate."""
    number, string = next((n, s) for n, s in enumerate(batch, position) if _SURROGATE.search(s))
    found = _SURROGATE.search(string)
    assert found is not None
    return ValueError(
        f"item {number} of the iterable to train on cannot be encoded in UTF-8: it has the lone "
        f"surrogate {found.group()!r} at character {found.start()}; decode its bytes as UTF-8"
    )


def _total_size(paths: list[Path]) -> int | None:
    """Return the total size of the files in bytes, or None if one of them, such as a pipe, has no size."""
    statuses = [path.stat() for path in paths]
    if not all(stat.S_ISREG(status.st_mode) for status in statuses):
        return None
    return sum(status.st_size for status in statuses)


def _ignore(num_bytes: int) -> None:
    del num_bytes


def open_source(source: Source) -> TrainingSource:
    """Determine what a source is, and find its files.

    Raises:
        ValueError: it is neither a path, nor a list or tuple of paths, nor another iterable; or it is a text, or a list
            of texts, where a path is expected; or the list is empty.
        OSError: a file does not exist or cannot be read.
    """
    if isinstance(source, str | os.PathLike):
        advice = "to train on a text, give an iterator of strings, such as iter([text])"
        path = check_input_path(source, "the source to train on", advice)
        return TrainingSource(str(path), [path], ())
    if isinstance(source, bytes | bytearray | memoryview) or not isinstance(source, Iterable):
        raise ValueError(
            f"cannot train on an object of type {type(source).__name__}: give a path, a list of paths, "
            "or an iterator of strings"
        )
    if not isinstance(source, list | tuple):
        return TrainingSource("the iterable", None, source)  # type: ignore[arg-type]  # checked item by item
    if not source:
        raise ValueError("the list of files to train on is empty: give at least one path")
    advice = "a list or tuple means paths of files; to train on texts, give an iterator of strings, such as iter(texts)"
    paths = [check_input_path(item, f"item {k} of the list to train on", advice) for k, item in enumerate(source)]
    name = str(paths[0]) if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
    return TrainingSource(name, paths, ())
