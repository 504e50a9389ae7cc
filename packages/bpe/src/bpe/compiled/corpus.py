"""A corpus as tasks for threads, each of which counts a chunk of it.

a text file        chunks that are cut where a chunk can be split independently, each read by the thread that counts it
strings, documents joined until they are as long as a chunk; a longer one is cut like a file
compressed, a pipe read by one thread at a time, and cut into such chunks
otherwise          (a pattern without a scanner) parts that `bpe.streaming` cuts and splits
"""

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import accumulate
from pathlib import Path

import regex

from bpe.chunks import cut_file, cut_stream, cut_text
from bpe.compiled.counting import PieceCounter, piece_starts
from bpe.compiled.file_reading import chunk_error, read_chunk
from bpe.compiled.scanner import has_scanner, warn_if_slow
from bpe.compiled.worker import CHUNK_BYTES, NotUtf8Error
from bpe.document_files import file_format
from bpe.input_files import is_compressed
from bpe.patterns import split_pieces
from bpe.special_tokens import SpecialTokens
from bpe.streaming import safe_parts
from bpe.text_files import empty_error
from bpe.training_sources import TrainingSource

Task = Callable[[PieceCounter], None]
"""Counts a chunk of the corpus with the given counter."""


def tasks(source: TrainingSource, specials: SpecialTokens, pattern: "regex.Pattern[str]") -> Iterator[Task]:
    """Yield the tasks that make up the corpus, in order. Special tokens are not counted.

    Raises:
        TextFileError: a file is empty, damaged, not UTF-8, or has no such column.
        ValueError: the iterable yields something that is not text, or nothing at all.
        OSError: a file cannot be read.
    """
    if not has_scanner(pattern.pattern):
        for chunks in source.texts():
            for part, is_special in safe_parts(chunks, specials, pattern):
                warn_if_slow(pattern.pattern, source.bytes_read)
                if not is_special:
                    yield partial(_count_split, part, pattern)
        return
    if source.paths is None:
        for texts in source.batches(CHUNK_BYTES):
            yield from _text_tasks(texts, specials, pattern)
        return
    for path in source.paths:
        if file_format(path) != "text":
            for texts in source.document_batches(path, CHUNK_BYTES):
                yield from _text_tasks(texts, specials, pattern)
        elif path.is_file() and not is_compressed(path):
            yield from _file_tasks(path, source, specials, pattern)
        else:
            for part in cut_stream(source.chunks(path), specials.tokens, pattern=pattern.pattern, size=CHUNK_BYTES):
                yield partial(_count_texts, [part])


def _text_tasks(texts: list[str], specials: SpecialTokens, pattern: "regex.Pattern[str]") -> Iterator[Task]:
    if len(texts) == 1:
        for chunk in cut_text(texts[0], pattern, specials, CHUNK_BYTES):
            yield partial(_count_texts, [chunk])
    else:
        yield partial(_count_texts, texts)


def _file_tasks(
    path: Path, source: TrainingSource, specials: SpecialTokens, pattern: "regex.Pattern[str]"
) -> Iterator[Task]:
    with path.open("rb", buffering=0) as file:
        total = os.fstat(file.fileno()).st_size
        if total == 0:
            raise empty_error(path)
        for offset, num_bytes in cut_file(file.fileno(), total, pattern, specials, CHUNK_BYTES):
            yield partial(_count_file_chunk, path, offset, num_bytes)
            source.note_read(num_bytes)


def _count_file_chunk(path: Path, offset: int, num_bytes: int, counter: PieceCounter) -> None:
    with path.open("rb", buffering=0) as file:  # the one in `_file_tasks` may be closed by now
        read_chunk(file.fileno(), counter.buffer(num_bytes), offset, path)
        try:
            counter.count_buffer([num_bytes])
        except NotUtf8Error:
            raise chunk_error(file.fileno(), num_bytes, offset, path) from None


def _count_texts(texts: Sequence[str], counter: PieceCounter) -> None:
    text = "".join(texts)
    data = text.encode()
    lengths = map(len, texts) if len(data) == len(text) else (len(string.encode()) for string in texts)
    ends = list(accumulate(lengths))
    counter.buffer(len(data))[:] = data
    counter.count_buffer(ends)


def _count_split(text: str, pattern: "regex.Pattern[str]", counter: PieceCounter) -> None:
    data = text.encode()
    pieces = split_pieces(text, pattern)
    lengths = [len(piece) if piece.isascii() else len(piece.encode()) for piece in pieces]
    counter.buffer(len(data))[:] = data
    counter.count_buffer([len(data)], piece_starts(lengths))
