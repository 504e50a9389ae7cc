"""Train a tokenizer on files of text or documents, and write it."""

import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from bpe import training
from bpe.commands import files, texts
from bpe.formats.portable_patterns import check_portable_pattern
from bpe.patterns import DEFAULT_PATTERN, PATTERNS
from bpe.tokenizer import Tokenizer


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `bpe train`."""
    parser.add_argument("texts", type=Path, nargs="+", metavar="TEXT", help=f"files: {texts.FORMATS}")
    texts.add_column_argument(parser)
    parser.add_argument(
        "--vocab-size", type=int, required=True, help="the number of special tokens, 256 bytes and merges together"
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="the file to write, FILE.json or FILE.tiktoken, or a folder"
    )
    parser.add_argument(
        "--format", choices=list(files.FORMATS), help="the format to write (default: by the extension of --out)"
    )
    special = parser.add_mutually_exclusive_group()
    special.add_argument(
        "--special-token",
        action="append",
        metavar="TOKEN",
        help=f"a special token; repeatable (default: {', '.join(files.DEFAULT_SPECIAL_TOKENS)})",
    )
    special.add_argument("--no-special-tokens", action="store_true", help="no special tokens")
    parser.add_argument(
        "--pattern",
        default=DEFAULT_PATTERN,
        help=f"the split pattern: {', '.join(PATTERNS)}, or a regular expression (default: {DEFAULT_PATTERN})",
    )
    parser.add_argument(
        "--min-frequency", type=int, default=1, help="merge only pairs that occur this often (default: 1)"
    )
    parser.add_argument(
        "--max-token-length", type=int, help="the maximum length of a token in bytes (default: no limit)"
    )
    parser.add_argument("--threads", type=int, help="the number of threads (default: all cores)")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def run(options: Namespace) -> None:
    """Train, write the tokenizer, and print the report."""
    format_name = files.output_format(options.out, options.format)
    files.check_output(options.out, options.texts)
    column = texts.column_from(options)
    special_tokens = options.special_token or list(files.DEFAULT_SPECIAL_TOKENS)
    if options.no_special_tokens:
        special_tokens = []
    if format_name == "tokenizer.json":
        check_portable_pattern(options.pattern)  # before training, not after it
    vocab, merges, report = training.train_bpe_with_report(
        options.texts,
        options.vocab_size,
        special_tokens,
        column=column,
        pattern=options.pattern,
        num_threads=options.threads,
        min_frequency=options.min_frequency,
        max_token_length=options.max_token_length,
        progress=sys.stderr.isatty(),
    )
    files.save_tokenizer(Tokenizer(vocab, merges, special_tokens, pattern=options.pattern), options.out, format_name)
    if options.json:
        sys.stdout.write(json.dumps({**report.as_json(), "num_tokens": len(vocab)}, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(f"{report}\n{options.out}: {len(vocab):,} tokens\n")
