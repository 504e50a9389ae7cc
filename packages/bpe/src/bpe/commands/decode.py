"""Decode ids to text: those of a token file, or those on standard input, separated by white space.

The text is printed as it is decoded, in constant memory. Bytes that are not UTF-8 are replaced by U+FFFD.
"""

import sys
import warnings
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import cast

from bpe.commands import files
from bpe.streaming import StreamDecoder
from bpe.token_files import read_token_file_info, read_token_ids

_CHUNK_BYTES = 1 << 16
_LONGEST_ID = 10  # digits of 2**32


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `bpe decode`."""
    files.add_tokenizer_arguments(parser)
    parser.add_argument(
        "tokens", type=Path, nargs="?", default=files.STDIN, metavar="FILE.bin", help="a token file (default: stdin)"
    )


def run(options: Namespace) -> None:
    """Decode a token file, or the ids on standard input, to standard output."""
    tokenizer = files.tokenizer_from(options)
    stream = StreamDecoder(tokenizer)
    chunks: Iterable[Iterable[int]]
    if options.tokens == files.STDIN:
        chunks = parse_ids(cast("BufferedReader", sys.stdin.buffer))
    else:
        encoded_by = read_token_file_info(options.tokens).tokenizer_sha256
        if encoded_by not in (None, tokenizer.fingerprint):
            warnings.warn(
                f"{options.tokens} was encoded with another tokenizer than {options.tokenizer}: the text may be wrong",
                stacklevel=2,
            )
        chunks = read_token_ids(options.tokens)
    for ids in chunks:
        sys.stdout.buffer.write(stream.feed(ids).encode())
        sys.stdout.buffer.flush()
    sys.stdout.buffer.write(stream.finish().encode())


def parse_ids(file: BufferedReader | BytesIO) -> Iterator[list[int]]:
    """Yield the ids of a stream of decimal numbers separated by white space, as soon as they arrive.

    Raises:
        ValueError: the stream contains something else.
    """
    held = b""
    count = 0
    while chunk := file.read1(_CHUNK_BYTES):
        words = (held + chunk).split()
        # The last word of the chunk may continue in the next one.
        held = words.pop() if words and not chunk[-1:].isspace() else b""
        yield _parse(words, count)
        count += len(words)
        if len(held) > _LONGEST_ID:
            _parse([held], count)
    yield _parse([held] if held else [], count)


def _parse(words: list[bytes], count: int) -> list[int]:
    for place, word in enumerate(words, start=count + 1):
        if not word.isdigit() or len(word) > _LONGEST_ID:
            shown = word[:20].decode("utf-8", "backslashreplace")
            raise ValueError(f"standard input has {shown!r} as item {place}: give ids separated by white space")
    return list(map(int, words))
