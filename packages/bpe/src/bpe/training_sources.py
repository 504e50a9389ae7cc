"""What a tokenizer is trained on: files, or strings from any iterable.

>>> source = open_source(iter(["To be,", "or not to be"]))
>>> [list(chunks) for chunks in source.texts()], source.bytes_read
([['To be,'], ['or not to be']], 18)

Each text file, each document of a file of documents, and each string is a text of its own: no piece (pre-token) and no
special token extends across two of them, as if a special token were between them. A stream that was cut at arbitrary
places is to be passed through `bpe.cut_stream`.
"""

import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from bpe.checks import check_input_path
from bpe.chunks import batched
from bpe.document_files import DEFAULT_COLUMN, about_text_bytes, check_column, file_format, read_documents, total_size
from bpe.input_files import ignore_read
from bpe.text_files import STREAM_BYTES, read_text, utf8_length

Source = str | os.PathLike[str] | Iterable[str] | Iterable[os.PathLike[str]]
"""A path, a list or tuple of paths, or any other iterable, which yields texts."""

_SURROGATE = re.compile("[\ud800-\udfff]")


class TrainingSource:
    """Texts to train on. They can be read once: with `texts`, or with the methods that it uses."""

    def __init__(self, name: str, paths: list[Path] | None, strings: Iterable[str], column: str) -> None:
        self.name = name
        """What messages call it."""
        self.paths = paths
        """The files; None if the source is an iterable of strings."""
        self.column = column
        """The field or column with the text, in files of documents."""
        self.size = None if paths is None else total_size(paths)
        """Bytes of the files in total; None if they are not known before the end."""
        self.about_bytes = None if self.size is None else sum(map(about_text_bytes, paths or ()))
        """Bytes of text in total, about, since some files may be compressed; None if `size` is."""
        self.bytes_read = 0
        """UTF-8 bytes of text read so far."""
        self.on_read: Callable[[int], None] = ignore_read
        """Called from time to time with the number of bytes read since the last call, which add up to `size`."""
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
        """Add to the bytes that were read. Code that reads plain text from `paths` directly has to call this."""
        self.bytes_read += num_bytes
        self.on_read(num_bytes)

    def _note_file_read(self, num_bytes: int) -> None:
        self.on_read(num_bytes)  # the function that is set by now

    def texts(self) -> Iterator[Iterator[str]]:
        """Yield each text in chunks. The chunks of one text have to be consumed before the next text is requested.

        Raises:
            TextFileError: a file is empty, damaged, not UTF-8, or has no such column.
            ValueError: the iterable yields something that is not text, or nothing at all.
        """
        if self.paths is None:
            yield from (iter([string]) for batch in self.batches(1) for string in batch)
            return
        for path in self.paths:
            if file_format(path) == "text":
                yield self.chunks(path)
            else:
                yield from (iter([document]) for batch in self.document_batches(path, 1) for document in batch)

    def chunks(self, path: Path) -> Iterator[str]:
        """Yield the text of one of the text files in chunks.

        Raises:
            TextFileError: the file is empty, damaged or not UTF-8.
        """
        for chunk in read_text(path, chunk_bytes=STREAM_BYTES, on_read=self._note_file_read):
            self.bytes_read += utf8_length(chunk)
            yield chunk

    def batches(self, num_characters: int) -> Iterator[list[str]]:
        """Yield the strings in lists that have about `num_characters` in total, or one string that has more.

        Raises:
            ValueError: the iterable yields something that is not text, or nothing at all.
        """
        position = 0
        for batch in batched(self._all_strings(), num_characters):
            yield self._checked(batch, position)
            position += len(batch)
        if self.paths is None and self.bytes_read == 0:
            raise ValueError("the iterable to train on has no text in it: an iterator can be used only once")

    def document_batches(self, path: Path, num_characters: int) -> Iterator[list[str]]:
        """Yield the documents of one of the files of documents in lists, as `batches` does.

        Raises:
            TextFileError: the file is damaged, not UTF-8, or has no such column.
        """
        for batch in batched(read_documents(path, self.column, on_read=self._note_file_read), num_characters):
            self.bytes_read += utf8_length("".join(batch))
            yield batch

    def _all_strings(self) -> Iterator[str]:
        while self._held:
            yield self._held.popleft()
        yield from self._strings

    def _checked(self, batch: list[str], position: int) -> list[str]:
        """Return the strings, the first of which has this position in the iterable, if they can be encoded in UTF-8."""
        text = "".join(batch)
        try:
            self.note_read(utf8_length(text))
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


def open_source(source: Source, column: str = DEFAULT_COLUMN) -> TrainingSource:
    """Determine what a source is, and find its files.

    Args:
        source: a path, a list or tuple of paths, or an iterable of strings.
        column: the field or column with the text, in files of documents.

    Raises:
        ValueError: it is neither a path, nor a list or tuple of paths, nor another iterable; or it is a text, or a list
            of texts, where a path is expected; or the list is empty; or the column is not a string.
        OSError: a file does not exist or cannot be read.
    """
    check_column(column)
    if isinstance(source, str | os.PathLike):
        advice = "to train on a text, give an iterator of strings, such as iter([text])"
        path = check_input_path(source, "the source to train on", advice)
        return TrainingSource(str(path), [path], (), column)
    if isinstance(source, bytes | bytearray | memoryview) or not isinstance(source, Iterable):
        raise ValueError(
            f"cannot train on an object of type {type(source).__name__}: give a path, a list of paths, "
            "or an iterator of strings"
        )
    if not isinstance(source, list | tuple):
        return TrainingSource("the iterable", None, source, column)  # type: ignore[arg-type]  # checked item by item
    if not source:
        raise ValueError("the list of files to train on is empty: give at least one path")
    advice = "a list or tuple means paths of files; to train on texts, give an iterator of strings, such as iter(texts)"
    paths = [check_input_path(item, f"item {k} of the list to train on", advice) for k, item in enumerate(source)]
    name = str(paths[0]) if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
    return TrainingSource(name, paths, (), column)
