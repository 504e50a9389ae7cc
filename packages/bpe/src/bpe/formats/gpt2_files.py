"""GPT-2's pair of files: `vocab.json`, an object of token → id, and `merges.txt`, one merge a line.

They contain neither the split pattern nor which tokens are special.
"""

import json
from collections.abc import Collection, Sequence

from bpe.formats.parts import TokenizerParts
from bpe.formats.reading import FilePath, read_json, read_utf8
from bpe.formats.token_table import (
    merges_from_stand_ins,
    merges_to_stand_ins,
    tokens_in_plain_text,
    vocab_from_json,
    vocab_to_json,
)
from bpe.reference import Pair
from bpe.text_files import whole_file


def read_vocab_json(path: FilePath, special_tokens: Collection[str]) -> tuple[dict[int, bytes], frozenset[int]]:
    """Read a `vocab.json`, and which of its tokens no text is encoded as.

    A token that is in `special_tokens`, or that is not written in stand-ins, is read as plain text. No text is encoded
    as one of the latter.

    Raises:
        TokenizerFileError: the file is damaged.
        OSError: the file cannot be read.
    """
    content, special_tokens = read_json(path), frozenset(special_tokens)
    vocab = vocab_from_json(content, special_tokens, path)
    return vocab, tokens_in_plain_text(content, special_tokens)


def read_merges_txt(path: FilePath) -> list[Pair]:
    """Read a `merges.txt`: a pair of tokens on each line, after an optional line that starts with `#version`.

    Raises:
        TokenizerFileError: the file is damaged.
        OSError: the file cannot be read.
    """
    lines = enumerate(read_utf8(path).replace("\r\n", "\n").split("\n"), start=1)
    merges = ((number, line) for number, line in lines if line and not (number == 1 and line.startswith("#version")))
    return merges_from_stand_ins(merges, path, "line")


def write_vocab_json(path: FilePath, parts: TokenizerParts) -> None:
    """Write a `vocab.json`."""
    with whole_file(path) as file:
        file.write(json.dumps(vocab_to_json(parts), ensure_ascii=False).encode())


def write_merges_txt(path: FilePath, merges: Sequence[Pair]) -> None:
    """Write a `merges.txt`."""
    lines = [f"{left} {right}\n" for left, right in merges_to_stand_ins(merges)]
    with whole_file(path) as file:
        file.write(("#version: 0.2\n" + "".join(lines)).encode())
