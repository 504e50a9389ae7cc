"""Inspect a tokenizer: its size, special tokens and pattern, its longest tokens, and how it splits a text.

With --text the tokens of a text are shown in alternating colours, or with borders if there are no colours. Line breaks
are shown as ⏎, other invisible bytes as escapes.
"""

import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from bpe import inspection
from bpe.commands import files, texts


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `bpe inspect`."""
    files.add_tokenizer_arguments(parser)
    parser.add_argument("--longest", type=int, metavar="N", help="list the N longest tokens")
    parser.add_argument("--file", type=Path, metavar="TEXT", help="measure how well a text file is compressed")
    parser.add_argument("--text", help="show the tokens of this text; - reads standard input")
    parser.add_argument("--ids", action="store_true", help="with --text: show the ids too")
    parser.add_argument(
        "--color",
        choices=["auto", "always", "never"],
        default="auto",
        help="with --text: use colours (default: on a terminal, unless the variable NO_COLOR is set)",
    )


def run(options: Namespace) -> None:
    """Print what the options ask for."""
    if options.longest is not None and options.longest < 1:
        raise ValueError(f"--longest is {options.longest}: give a positive number")
    if options.ids and options.text is None:
        raise ValueError("--ids shows the ids of a text: give --text too")
    tokenizer = files.tokenizer_from(options)
    sys.stdout.write(inspection.summary(tokenizer))
    if options.longest is not None:
        tokens = inspection.longest_tokens(tokenizer, options.longest)
        sys.stdout.write(f"\nlongest tokens\n{inspection.token_table(tokens)}")
    if options.file is not None:
        if texts.contains_documents(options.file):
            raise ValueError(f"{options.file} contains documents: use `bpe count`, which has --column")
        with texts.open_text(options.file) as (name, chunks):
            size = inspection.measure(tokenizer, chunks)
        sys.stdout.write(f"\n{inspection.count_table([(name, size)])}")
    if options.text is not None:
        text = options.text
        if text == "-":
            with texts.open_text(files.STDIN) as (_, chunks):
                text = "".join(chunks)
        ids = tokenizer.encode(text)
        shown = inspection.show_tokens(
            [(token_id, tokenizer.decode_bytes([token_id])) for token_id in ids],
            color=_use_color(options.color),
            ids=options.ids,
        )
        sys.stdout.write(f"\n{shown}\n")


def _use_color(choice: str) -> bool:
    if choice != "auto":
        return choice == "always"
    # An empty NO_COLOR does not count (no-color.org).
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
