"""Encoding a text file, or a stream of text, into a token file."""

import os
from collections.abc import Iterable, Iterator
from itertools import chain

from bpe.checks import check_input_path, check_num_threads, check_path, check_text
from bpe.engine import FROM_SOURCE
from bpe.offsets import surrogate_error
from bpe.parallel import available_cores
from bpe.progress import Progress
from bpe.text_files import read_text
from bpe.token_files import TokenFileInfo, open_token_file_writer, read_token_file_info
from bpe.tokenizer import Tokenizer


def encode_file(
    tokenizer: Tokenizer,
    text_path: str | os.PathLike[str],
    token_path: str | os.PathLike[str],
    *,
    num_threads: int | None = None,
    progress: bool = False,
) -> TokenFileInfo:
    """Encode a UTF-8 text file into a token file. Memory does not grow with the size of the text.

    Args:
        tokenizer: the tokenizer that gives the ids.
        text_path: the text file.
        token_path: the token file to write; its description is written beside it.
        num_threads: the number of threads that share the work; None means one for each processor core. (The reference
            engine always uses one.)
        progress: whether to show the progress on standard error.

    Raises:
        TextFileError: the text is empty or not UTF-8.
        ValueError: a byte of the text is not in the vocabulary, or an argument is not what it should be.
        OSError: a file cannot be read or written.
    """
    check_tokenizer(tokenizer)
    check_num_threads(num_threads)
    path = check_input_path(text_path, "text_path", "to encode a text, call tokenizer.encode(text)")
    token_path = check_path(token_path, "token_path", "the ids are written to this file")
    total = path.stat().st_size or None  # something other than a regular file, such as a pipe, has no known size
    encoder = tokenizer.compiled_for_file(path)
    with (
        Progress(path.name, total, shown=progress) as display,
        open_token_file_writer(token_path, tokenizer.vocab_size, tokenizer.fingerprint) as writer,
    ):
        if encoder is None:
            writer.write_stream(tokenizer.encode_iterable(display.watch(read_text(path))))
        else:
            specials = tokenizer.found_tokens
            for run in encoder.file_runs(path, specials, num_threads or available_cores(), display.advance):
                writer.write_array(run)
        writer.text_bytes = display.done
    return read_token_file_info(token_path)


def encode_stream(
    tokenizer: Tokenizer,
    chunks: Iterable[str],
    token_path: str | os.PathLike[str],
    *,
    num_threads: int | None = None,
) -> TokenFileInfo:
    """Encode a text that arrives in chunks into a token file, such as text that is decompressed while it is read.

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
    if isinstance(chunks, str | bytes | os.PathLike):
        raise ValueError(
            f"chunks is of type {type(chunks).__name__}: give an iterable of strings, such as iter([text]); "
            "to encode a file, call encode_file"
        )
    token_path = check_path(token_path, "token_path", "the ids are written to this file")
    counted = _CountedText(chunks)
    stream = iter(counted)
    first = []
    for chunk in stream:
        first.append(chunk)
        if counted.num_characters >= FROM_SOURCE:
            break
    text = chain(first, stream)
    encoder = tokenizer.compiled_for_size(counted.num_bytes)
    with open_token_file_writer(token_path, tokenizer.vocab_size, tokenizer.fingerprint) as writer:
        if encoder is None:
            writer.write_stream(tokenizer.encode_iterable(text))
        else:
            specials = tokenizer.found_tokens
            for run in encoder.stream_runs(text, specials, num_threads or available_cores()):
                writer.write_array(run)
        writer.text_bytes = counted.num_bytes
    return read_token_file_info(token_path)


def check_tokenizer(tokenizer: object) -> None:
    """Raise an error if `tokenizer` is not a tokenizer.

    Raises:
        ValueError: it is of another type.
    """
    if not isinstance(tokenizer, Tokenizer):
        raise ValueError(f"tokenizer is of type {type(tokenizer).__name__}: give a Tokenizer, as from Tokenizer.load")


class _CountedText:
    """Yields the chunks of a text, and counts what was yielded so far."""

    def __init__(self, chunks: Iterable[str]) -> None:
        self._chunks = chunks
        self.num_characters = 0
        self.num_bytes = 0

    def __iter__(self) -> Iterator[str]:
        for chunk in self._chunks:
            check_text(chunk)
            try:
                self.num_bytes += len(chunk) if chunk.isascii() else len(chunk.encode())
            except UnicodeEncodeError:
                raise surrogate_error(chunk, self.num_characters) from None
            self.num_characters += len(chunk)
            yield chunk
