"""What the commands share: texts and documents, from files and from standard input."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bpe.commands.files import STDIN
from bpe.document_files import DEFAULT_COLUMN, file_format, read_documents
from bpe.progress import Progress
from bpe.text_files import read_text, read_text_stream
from bpe.text_ids import TextIds

FORMATS = "text, JSON lines (.jsonl, .ndjson, .json), .parquet; also .gz and .zst"


def add_text_arguments(parser: ArgumentParser) -> None:
    """Declare the texts to read, the column of documents, and what follows each."""
    parser.add_argument(
        "texts",
        type=Path,
        nargs="*",
        default=[STDIN],
        metavar="TEXT",
        help=f"files: {FORMATS} (default: -, standard input, which is text)",
    )
    add_column_argument(parser)
    parser.add_argument(
        "--separator",
        metavar="TOKEN",
        help="the special token that follows each document of JSON lines and parquet, and each text that does not end "
        'with it; "" for nothing (default: a text is taken as it is)',
    )


def add_column_argument(parser: ArgumentParser) -> None:
    """Declare the column of documents."""
    parser.add_argument(
        "--column", help=f"for JSON lines and parquet: the field with the text (default: {DEFAULT_COLUMN})"
    )


def column_from(options: Namespace) -> str:
    """Return the column that a command line names.

    Raises:
        ValueError: it is named, and no file has columns.
    """
    if options.column is None:
        return DEFAULT_COLUMN
    if not any(contains_documents(path) for path in options.texts):
        raise ValueError(f"--column is for JSON lines and parquet, but {_listed(options.texts)} is text: remove it")
    return str(options.column)


def contains_documents(path: Path) -> bool:
    """Return whether a file contains documents rather than one text."""
    return path != STDIN and file_format(path) != "text"


def _listed(paths: Sequence[Path]) -> str:
    return "standard input" if list(paths) == [STDIN] else ", ".join(map(str, paths))


@contextmanager
def open_text(path: Path, *, progress: bool = True) -> Iterator[tuple[str, Iterator[str]]]:
    """Provide the name and the chunks of a text. For a file, the progress is shown on a terminal."""
    if path == STDIN:
        yield "standard input", read_text_stream(sys.stdin.buffer, "standard input")
        return
    with _progress(path, shown=progress) as display:
        yield str(path), read_text(path, on_read=display.advance)


@contextmanager
def open_ids(
    path: Path, text_ids: TextIds, column: str, *, progress: bool = True
) -> Iterator[tuple[str, Iterator[int]]]:
    """Provide the name and the ids of a text or of documents, which are encoded as they are read."""
    if not contains_documents(path):
        with open_text(path, progress=progress) as (name, chunks):
            yield name, text_ids.of_text(chunks)
        return
    with _progress(path, shown=progress) as display:
        yield str(path), text_ids.of_documents(read_documents(path, column, on_read=display.advance))


def _progress(path: Path, *, shown: bool) -> Progress:
    return Progress(path.name, path.stat().st_size or None, shown=None if shown else False)
