r"""The scanner for the pattern o200k (GPT-4o).

    [^\r\n\p{L}\p{N}]?U*V+(?i:'s|'t|'re|'ve|'m|'ll|'d)? | [^\r\n\p{L}\p{N}]?U+V*(?i:'s|'t|'re|'ve|'m|'ll|'d)?
    | \p{N}{1,3} | ?[^\s\p{L}\p{N}]+[\r\n/]* | \s*[\r\n]+ | \s+(?!\S) | \s+

with U = upper case and V = lower case, letters without case and marks in both. A word ends before the next capital and
includes its contraction. On "(HTMLParser's":

    "(HTMLP"?  U* matches "HTMLP", V+ matches "arser": one piece "(HTMLParser's"
    "HTML"     no V follows: the second alternative

`U*V+` needs at least one V. Where none follows the U's, the last of them that is also a V is taken for it.

Reference: `bpe.patterns.split_pieces`.
"""

import numpy as np

from bpe.kernels.runtime.compiler import ZERO, kernel
from bpe.kernels.scanning.classes import EXPECTED
from bpe.kernels.scanning.runs import (
    LETTERS,
    LOWERS,
    NUMBERS,
    OTHERS,
    UPPERS,
    character_length,
    classify_text,
    contraction_end,
    in_class,
    last_of_both,
    num_words,
    number_end,
    run_end,
    space_end,
)

_ONE = np.uint64(1)


@kernel
def lower_word_end(masks: np.ndarray, p: int, words: int) -> int:
    """Return the end of `U*V+` at byte p, or 0."""
    q = run_end(masks, UPPERS, words, p)
    if in_class(masks, LOWERS, words, q):
        return run_end(masks, LOWERS, words, q)
    return last_of_both(masks, UPPERS, LOWERS, words, p, q) + 1 if q > p else 0


@kernel
def upper_word_end(masks: np.ndarray, p: int, words: int) -> int:
    """Return the end of `U+V*` at byte p, or 0."""
    q = run_end(masks, UPPERS, words, p)
    return run_end(masks, LOWERS, words, q) if q > p else 0


@kernel
def word_end(text: np.ndarray, begin: int, p: int, masks: np.ndarray, words: int) -> int:
    """Return the end of a word at byte p, with a sign before it and without a contraction, or 0."""
    byte = text[begin + p]
    sign = byte != 0x0A and byte != 0x0D
    if in_class(masks, LETTERS, words, p) or in_class(masks, NUMBERS, words, p):
        sign = False
    q = p + character_length(text, begin + p)
    end = lower_word_end(masks, q, words) if sign else 0
    if end == 0:
        end = lower_word_end(masks, p, words)
    if end == 0 and sign:
        end = upper_word_end(masks, q, words)
    if end == 0:
        end = upper_word_end(masks, p, words)
    return end


@kernel
def o200k_end(text: np.ndarray, begin: int, p: int, end: int, masks: np.ndarray, words: int) -> int:
    """Return the end of the piece at byte p; p and the result are counted from `begin`."""
    word = word_end(text, begin, p, masks, words)
    if word:
        return contraction_end(text, begin + word, end) - begin
    if in_class(masks, NUMBERS, words, p):
        return number_end(text, begin, p, masks, words)
    q = p + 1 if text[begin + p] == 0x20 else p
    if in_class(masks, OTHERS, words, q):
        q = run_end(masks, OTHERS, words, q)
        while begin + q < end and (text[begin + q] == 0x0A or text[begin + q] == 0x0D or text[begin + q] == ord("/")):
            q += 1
        return q
    return space_end(text, begin, p, end, masks, words)


@kernel
def scan_o200k(
    text: np.ndarray,
    begin: int,
    end: int,
    table: np.ndarray,
    starts: np.ndarray,
    masks: np.ndarray,
    state: np.ndarray,
) -> int:
    """Find the pieces of `text[begin:end]`, as `scan_gpt2` does; `masks` is that of `classify_text`."""
    bad = classify_text(text, begin, end, table, masks, state)
    if bad >= 0:
        return bad
    words = num_words(begin, end)
    starts[:words] = 0
    p = ZERO
    while begin + p < end:
        starts[p >> 6] |= _ONE << np.uint64(p & 63)
        p = o200k_end(text, begin, p, end, masks, words)
    return end if state[EXPECTED] else -1
