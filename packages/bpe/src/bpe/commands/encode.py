"""Encode text to ids: a token file with --out, otherwise one id a line.

Special tokens in the text are encoded as their ids. Several texts are encoded one by one, and their ids follow each
other.
"""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

from bpe.checks import check_num_threads
from bpe.commands import files
from bpe.corpus import encode_file
from bpe.token_files import open_token_file_writer, read_token_file_info
from bpe.tokenizer import Tokenizer

_LINES_AT_ONCE = 1 << 12


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `bpe encode`."""
    files.add_tokenizer_arguments(parser)
    files.add_text_arguments(parser)
    parser.add_argument(
        "--out", type=Path, metavar="FILE.bin", help="write a token file, with its description FILE.bin.json beside it"
    )
    parser.add_argument("--threads", type=int, help="with --out: the number of threads (default: all cores)")


def run(options: Namespace) -> None:
    """Encode the texts into a token file or onto standard output."""
    check_num_threads(options.threads)
    if options.out is not None:
        files.check_output(options.out, [options.tokenizer, *options.texts])
    tokenizer = files.tokenizer_from(options)
    if options.out is not None and len(options.texts) == 1 and options.texts[0] != files.STDIN:
        info = encode_file(
            tokenizer, options.texts[0], options.out, num_threads=options.threads, progress=sys.stderr.isatty()
        )
    else:
        # Closing the generator erases the progress line before an error is reported.
        counted = _CountedBytes()
        with closing(_ids(tokenizer, options.texts, counted, progress=options.out is not None)) as ids:
            if options.out is None:
                _write_lines(ids)
                return
            with open_token_file_writer(options.out, tokenizer.vocab_size, tokenizer.fingerprint) as writer:
                writer.write_stream(ids)
                writer.text_bytes = counted.total
        info = read_token_file_info(options.out)
    sys.stdout.write(f"{options.out}: {info.count:,} ids of {info.dtype}\n")


class _CountedBytes:
    """Counts the bytes of texts while they are read."""

    def __init__(self) -> None:
        self.total = 0

    def watch(self, chunks: Iterable[str]) -> Iterator[str]:
        for chunk in chunks:
            self.total += len(chunk) if chunk.isascii() else len(chunk.encode())
            yield chunk


def _ids(
    tokenizer: Tokenizer, texts: Sequence[Path], counted: _CountedBytes, *, progress: bool
) -> Generator[int, None, None]:
    for path in texts:
        with files.open_text(path, progress=progress) as (_, chunks):
            yield from tokenizer.encode_iterable(counted.watch(chunks))


def _write_lines(ids: Iterator[int]) -> None:
    while some := list(islice(ids, _LINES_AT_ONCE)):
        sys.stdout.write("".join(f"{token_id}\n" for token_id in some))
