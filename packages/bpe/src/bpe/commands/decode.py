"""Turn ids into text: those of a token file, or those on standard input, with white space between them.

The text comes out as it is decoded, in constant memory. Bytes that are no UTF-8 become U+FFFD.
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
    """Decode a token file, or the ids on standard input, onto standard output."""
    tokenizer = files.tokenizer_from(options)
    stream = StreamDecoder(tokenizer)
    chunks: Iterable[Iterable[int]]
    if options.tokens == files.STDIN:
        chunks = parse_ids(cast("BufferedReader", sys.stdin.buffer))
    else:
        made_by = read_token_file_info(options.tokens).tokenizer_sha256
        if made_by not in (None, tokenizer.fingerprint):
            warnings.warn(f"{options.tokens} was made with another tokenizer than {options.tokenizer}", stacklevel=2)
        chunks = read_token_ids(options.tokens)
    for ids in chunks:
        sys.stdout.buffer.write(stream.feed(ids).encode())
        sys.stdout.buffer.flush()
    sys.stdout.buffer.write(stream.finish().encode())


def parse_ids(file: BufferedReader | BytesIO) -> Iterator[list[int]]:
    """Yield the ids of a stream of decimal numbers with white space between them, as soon as they arrive.

    Raises:
        ValueError: something else stands there.
    """
    held = b""
    count = 0
    while chunk := file.read1(_CHUNK_BYTES):
        words = (held + chunk).split()
        # What ends the chunk may go on in the next one.
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
            raise ValueError(f"standard input has {shown!r} in place {place}: give ids with white space between them")
    return list(map(int, words))
