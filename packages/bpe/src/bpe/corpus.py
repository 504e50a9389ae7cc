"""Encoding files, or a stream of text or of documents, into a token file."""

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from bpe.checks import check_input_path, check_num_threads, check_path
from bpe.document_files import (
    DEFAULT_COLUMN,
    about_text_bytes,
    check_column,
    file_format,
    read_documents,
    total_size,
)
from bpe.engine import FROM_SOURCE
from bpe.input_files import TextFileError
from bpe.progress import Progress
from bpe.text_ids import separator_of
from bpe.token_files import TokenFileInfo, open_token_file_writer, read_token_file_info
from bpe.token_writing import TokenWriting
from bpe.tokenizer import Tokenizer

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
"""A path, or a list or tuple of paths."""


def encode_file(
    tokenizer: Tokenizer,
    text_path: Paths,
    token_path: str | os.PathLike[str],
    *,
    column: str = DEFAULT_COLUMN,
    separator: str | None = None,
    num_threads: int | None = None,
    progress: bool = False,
) -> TokenFileInfo:
    """Encode files into one token file. Memory does not grow with the size of the files.

    Files are UTF-8 text, JSON lines (`.jsonl`, `.ndjson`, `.json`) or `.parquet`. Text and JSON lines may be compressed
    (`.gz`, `.zst`).

    Args:
        tokenizer: the tokenizer that gives the ids.
        text_path: the file, or a list or tuple of files, which are encoded one after the other.
        token_path: the token file to write; its description is written beside it.
        column: the field or column with the text, for JSON lines and parquet.
        separator: the special token that follows each document of JSON lines and parquet, which require it, and each
            text file that does not end with it; "" for nothing. With None a text file is encoded as it is.
        num_threads: the number of threads that share the work; None means one for each processor core. (The reference
            engine always uses one.)
        progress: whether to show the progress on standard error.

    Raises:
        TextFileError: a text is empty or not UTF-8; a file is damaged or has no such column; there is no text at all;
            or a package that is needed to read a file is not installed.
        ValueError: a byte of the text is not in the vocabulary, the separator is missing or not a special token, or an
            argument is not what it should be.
        OSError: a file cannot be read or written.
    """
    check_tokenizer(tokenizer)
    check_num_threads(num_threads)
    check_column(column)
    paths = _input_paths(text_path)
    token_path = check_path(token_path, "token_path", "the ids are written to this file")
    of_documents = [path for path in paths if file_format(path) != "text"]
    ending = None
    if of_documents or separator is not None:
        ending = separator_of(tokenizer, separator, str((of_documents or paths)[0]))
    name = paths[0].name if len(paths) == 1 else f"{paths[0].name} and {len(paths) - 1} more"
    encoder = tokenizer.compiled_for_size(sum(map(about_text_bytes, paths)))
    with (
        Progress(name, total_size(paths), shown=progress) as display,
        open_token_file_writer(
            token_path,
            tokenizer.vocab_size,
            tokenizer.fingerprint,
            column=column if of_documents else None,
            separator=None if ending is None else ending.token,
        ) as writer,
    ):
        writing = TokenWriting(tokenizer, encoder, writer, ending, num_threads)
        for path in paths:
            if file_format(path) == "text":
                writing.add_file(path, display.advance)
            else:
                writing.add_documents(read_documents(path, column, on_read=display.advance))
        if writing.num_bytes == 0:
            raise TextFileError(f"there is no text in {name}: give files with documents in them")
        writer.text_bytes = writing.num_bytes
    return read_token_file_info(token_path)


def encode_documents(
    tokenizer: Tokenizer,
    documents: Iterable[str],
    token_path: str | os.PathLike[str],
    *,
    separator: str,
    num_threads: int | None = None,
) -> TokenFileInfo:
    """Encode documents from any iterable into a token file: each alone, followed by the separator.

    Memory does not grow with their number; up to 20 million characters are read before an engine is chosen.

    Args:
        tokenizer: the tokenizer that gives the ids.
        documents: the documents, such as `(row["text"] for row in rows)`. The calling thread requests them, while other
            threads encode.
        token_path: the token file to write; its description is written beside it.
        separator: the special token that follows each document, or "" for nothing.
        num_threads: the number of threads that encode; None means one for each processor core. (The reference engine
            always uses one.)

    Raises:
        ValueError: a document contains a surrogate, a byte of it is not in the vocabulary, the separator is not a
            special token, or an argument is not what it should be.
        OSError: a file cannot be written.
    """
    check_tokenizer(tokenizer)
    check_num_threads(num_threads)
    _check_iterable(documents, "documents")
    token_path = check_path(token_path, "token_path", "the ids are written to this file")
    ending = separator_of(tokenizer, separator, "the iterable")
    first, size = _look_ahead(documents)
    with open_token_file_writer(token_path, tokenizer.vocab_size, tokenizer.fingerprint, separator=separator) as writer:
        writing = TokenWriting(tokenizer, tokenizer.compiled_for_size(size), writer, ending, num_threads)
        writing.add_documents(first)
        writer.text_bytes = writing.num_bytes
    return read_token_file_info(token_path)


def encode_stream(
    tokenizer: Tokenizer,
    chunks: Iterable[str],
    token_path: str | os.PathLike[str],
    *,
    num_threads: int | None = None,
) -> TokenFileInfo:
    """Encode a text that arrives in chunks into a token file, such as text that a program produces.

    The token file is the one that `encode_file` writes for the joined text, wherever the chunks were cut. Memory does
    not grow with the length of the text; up to 20 million characters are read before an engine is chosen.

    Args:
        tokenizer: the tokenizer that gives the ids.
        chunks: the text in chunks. The calling thread requests them, while other threads encode.
        token_path: the token file to write; its description is written beside it.
        num_threads: the number of threads that encode; None means one for each processor core. (The reference engine
            always uses one.)

    Raises:
        ValueError: the text contains a surrogate, a byte of it is not in the vocabulary, or an argument is not what it
            should be.
        OSError: a file cannot be written.
    """
    check_tokenizer(tokenizer)
    check_num_threads(num_threads)
    _check_iterable(chunks, "chunks")
    token_path = check_path(token_path, "token_path", "the ids are written to this file")
    text, size = _look_ahead(chunks)
    with open_token_file_writer(token_path, tokenizer.vocab_size, tokenizer.fingerprint) as writer:
        writing = TokenWriting(tokenizer, tokenizer.compiled_for_size(size), writer, None, num_threads)
        writing.add_text(text)
        writer.text_bytes = writing.num_bytes
    return read_token_file_info(token_path)


def _look_ahead(texts: Iterable[str]) -> tuple[Iterator[str], int]:
    """Fetch texts until there are enough to choose an engine; return all of them, and about how long they are."""
    stream = iter(texts)
    first = []
    size = 0
    for text in stream:
        first.append(text)
        if isinstance(text, str):  # anything else is an error when it is its turn
            size += len(text)
        if size >= FROM_SOURCE:
            break
    return chain(first, stream), size


def check_tokenizer(tokenizer: object) -> None:
    """Raise an error if `tokenizer` is not a `Tokenizer`.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(tokenizer, Tokenizer):
        raise ValueError(f"tokenizer is of type {type(tokenizer).__name__}: give a Tokenizer, as from Tokenizer.load")


def _check_iterable(texts: object, what: str) -> None:
    if isinstance(texts, str | bytes | os.PathLike):
        raise ValueError(
            f"{what} is of type {type(texts).__name__}: give an iterable of strings, such as iter([text]); "
            "to encode a file, call encode_file"
        )


def _input_paths(given: Paths) -> list[Path]:
    """Return the files to encode."""
    advice = "to encode a text, call tokenizer.encode(text)"
    if not isinstance(given, list | tuple):
        return [check_input_path(given, "text_path", advice)]
    if not given:
        raise ValueError("text_path is an empty list: give at least one path")
    return [check_input_path(path, f"item {number} of text_path", advice) for number, path in enumerate(given)]
