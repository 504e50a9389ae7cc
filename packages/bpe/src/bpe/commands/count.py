"""Count the tokens and bytes of texts, and the bytes per token."""

import sys
from argparse import ArgumentParser, Namespace

from bpe.commands import files, texts
from bpe.inspection import TextSize, count_table
from bpe.text_ids import TextIds, separator_of


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `bpe count`."""
    files.add_tokenizer_arguments(parser)
    texts.add_text_arguments(parser)


def run(options: Namespace) -> None:
    """Print a table with a line for each text, and the total if there are several."""
    column = texts.column_from(options)
    tokenizer = files.tokenizer_from(options)
    # Without a separator there is nothing to count between documents.
    separator = separator_of(tokenizer, options.separator or "", "")
    sizes = []
    for path in options.texts:
        text_ids = TextIds(tokenizer, separator)
        with texts.open_ids(path, text_ids, column) as (name, ids):
            num_tokens = sum(1 for _ in ids)
        sizes.append((name, TextSize(num_tokens, text_ids.num_bytes)))
    sys.stdout.write(count_table(sizes))
