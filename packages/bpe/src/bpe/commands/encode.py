"""Encode text to ids: a token file with --out, otherwise one id a line.

Special tokens in the text are encoded as their ids. Several texts are encoded one by one, and their ids follow each
other. Documents of JSON lines and parquet are encoded one by one too, and --separator says what follows each.
"""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

from bpe.checks import check_num_threads
from bpe.commands import files, texts
from bpe.corpus import encode_file
from bpe.text_ids import TextIds, separator_of
from bpe.token_files import TokenFileInfo, open_token_file_writer, read_token_file_info
from bpe.tokenizer import Tokenizer

_LINES_AT_ONCE = 1 << 12


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `bpe encode`."""
    files.add_tokenizer_arguments(parser)
    texts.add_text_arguments(parser)
    parser.add_argument(
        "--out", type=Path, metavar="FILE.bin", help="write a token file, with its description FILE.bin.json beside it"
    )
    parser.add_argument("--threads", type=int, help="with --out: the number of threads (default: all cores)")


def run(options: Namespace) -> None:
    """Encode the texts into a token file or onto standard output."""
    check_num_threads(options.threads)
    column = texts.column_from(options)
    if options.out is not None:
        files.check_output(options.out, [options.tokenizer, *options.texts])
    tokenizer = files.tokenizer_from(options)
    if options.out is None or files.STDIN in options.texts:
        info = _encode_as_read(tokenizer, options, column)
    else:
        info = encode_file(
            tokenizer,
            options.texts,
            options.out,
            column=column,
            separator=options.separator,
            num_threads=options.threads,
            progress=sys.stderr.isatty(),
        )
    if info is not None:
        sys.stdout.write(f"{options.out}: {info.count:,} ids of {info.dtype}\n")


def _encode_as_read(tokenizer: Tokenizer, options: Namespace, column: str) -> TokenFileInfo | None:
    """Write each id as soon as its text has come: into a token file, which is described, or onto standard output."""
    separator = None
    of_documents = [path for path in options.texts if texts.contains_documents(path)]
    if of_documents or options.separator is not None:
        separator = separator_of(tokenizer, options.separator, str((of_documents or options.texts)[0]))
    text_ids = TextIds(tokenizer, separator, num_threads=options.threads)
    # Closing the generator erases the progress line before an error is reported.
    with closing(_ids(text_ids, options.texts, column, progress=options.out is not None)) as ids:
        if options.out is None:
            _write_lines(ids)
            return None
        with open_token_file_writer(
            options.out,
            tokenizer.vocab_size,
            tokenizer.fingerprint,
            column=column if of_documents else None,
            separator=None if separator is None else separator.token,
        ) as writer:
            writer.write_stream(ids)
            writer.text_bytes = text_ids.num_bytes
    return read_token_file_info(options.out)


def _ids(text_ids: TextIds, paths: Sequence[Path], column: str, *, progress: bool) -> Generator[int, None, None]:
    for path in paths:
        with texts.open_ids(path, text_ids, column, progress=progress) as (_, ids):
            yield from ids


def _write_lines(ids: Iterator[int]) -> None:
    while some := list(islice(ids, _LINES_AT_ONCE)):
        sys.stdout.write("".join(f"{token_id}\n" for token_id in some))
