"""Count the tokens and bytes of texts, and the bytes per token."""

import sys
from argparse import ArgumentParser, Namespace

from bpe.commands import files
from bpe.inspection import count_table, measure


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `bpe count`."""
    files.add_tokenizer_arguments(parser)
    files.add_text_arguments(parser)


def run(options: Namespace) -> None:
    """Print a table with a line for each text, and the total if there are several."""
    tokenizer = files.tokenizer_from(options)
    sizes = []
    for path in options.texts:
        with files.open_text(path) as (name, chunks):
            sizes.append((name, measure(tokenizer, chunks)))
    sys.stdout.write(count_table(sizes))
