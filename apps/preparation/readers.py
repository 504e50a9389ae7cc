"""Files as text: the documents of all formats as one stream of text with `<|endoftext|>` between them.

Text is passed on unchanged. A document of JSON lines or parquet is followed by `<|endoftext|>`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from bpe import file_format, read_documents, read_text
from preparation.corpora import END_OF_TEXT

OnRead = Callable[[int], None]
"""Called with the number of bytes that were read from a file since the last call, before decompression."""

_TEXT_BYTES_AT_ONCE = 1 << 16
"""Few: threads take turns at reading, and of large blocks that one allocates and another frees the C library keeps more
and more (twice the memory after a gigabyte of text with 1 MiB)."""
_CHUNK_CHARACTERS = 1 << 18  # documents are joined into chunks of about this length


def read_files(paths: Sequence[Path], column: str, on_read: OnRead) -> Iterator[str]:
    """Yield the text of several files in chunks. Where a text ends without `<|endoftext|>`, it is added between files.

    Args:
        paths: the files, in order.
        column: the field or column with the text.
        on_read: called with the number of bytes that were read from the files.

    Raises:
        TextFileError: a file is damaged, or has no such column; a text is empty, or not UTF-8. The place is named.
        OSError: a file cannot be read.
    """
    end = ""
    for path in paths:
        if end.rstrip() and not end.rstrip().endswith(END_OF_TEXT):
            yield END_OF_TEXT
        end = ""
        for chunk in read_file(path, column, on_read):
            yield chunk
            end = (end + chunk[-1000:])[-1000:]


def read_file(path: Path, column: str, on_read: OnRead) -> Iterator[str]:
    """Yield the text of a file in chunks. Arguments and errors are those of `read_files`."""
    if file_format(path) == "text":
        return read_text(path, chunk_bytes=_TEXT_BYTES_AT_ONCE, on_read=on_read)
    return _chunks(read_documents(path, column, on_read=on_read))


def _chunks(documents: Iterable[str]) -> Iterator[str]:
    """Yield documents, each followed by the separator, joined into longer chunks."""
    parts: list[str] = []
    length = 0
    for document in documents:
        parts += [document, END_OF_TEXT]
        length += len(document)
        if length >= _CHUNK_CHARACTERS:
            yield "".join(parts)
            parts, length = [], 0
    if parts:
        yield "".join(parts)
