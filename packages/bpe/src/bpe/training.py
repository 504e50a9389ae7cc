"""Training a tokenizer on a text file."""

import os
import warnings
from collections.abc import Sequence

from bpe.patterns import DEFAULT_PATTERN, compile_pattern
from bpe.reference import Pair, count_pieces, learn_merges
from bpe.special_tokens import SpecialTokens
from bpe.streaming import safe_parts
from bpe.text_files import read_text


def train_bpe(
    input_path: str | os.PathLike[str],
    vocab_size: int,
    special_tokens: Sequence[str] = (),
    *,
    pattern: str = DEFAULT_PATTERN,
) -> tuple[dict[int, bytes], list[Pair]]:
    """Learn a byte-level BPE vocabulary from a UTF-8 text file.

    The file is read in chunks: memory follows the number of distinct pieces, not the size of the file.

    Args:
        input_path: the text file.
        vocab_size: entries of the vocabulary: special tokens, the 256 bytes and the merges together.
        special_tokens: strings that separate documents; they are never counted and take no part in merges.
        pattern: the split pattern, a name of `bpe.PATTERNS` or a regular expression.

    Returns:
        `(vocab, merges)`: the bytes of each id (special tokens first, in the order given, then the 256 bytes,
        then the merges), and the merges in the order of their creation.

    Raises:
        ValueError: the vocabulary is too small, a special token is empty or given twice, or the pattern is
            not a regular expression.
        TextFileError: the file is empty or not UTF-8.
        OSError: the file cannot be read.

    Warns:
        UserWarning: training stopped early because no pair of tokens is left to merge.
    """
    smallest = 256 + len(special_tokens)
    if vocab_size < smallest:
        raise ValueError(
            f"vocab_size is {vocab_size}, but the 256 bytes and {len(special_tokens)} special tokens "
            f"already make {smallest}: ask for at least {smallest}"
        )
    specials = SpecialTokens(special_tokens)
    compiled = compile_pattern(pattern)
    parts = safe_parts(read_text(input_path), specials, compiled)
    counts = count_pieces((part for part, is_special in parts if not is_special), compiled)
    merges = learn_merges(counts, vocab_size - smallest)
    tokens = [
        *(token.encode() for token in special_tokens),
        *(bytes([byte]) for byte in range(256)),
        *(left + right for left, right in merges),
    ]
    if len(tokens) < vocab_size:
        warnings.warn(
            f"training stopped at {len(tokens)} entries instead of {vocab_size}: "
            f"no pair of tokens is left to merge in {input_path}",
            stacklevel=2,
        )
    return dict(enumerate(tokens)), merges
