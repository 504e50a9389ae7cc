r"""The scanner for the pattern cl100k (GPT-4; with small differences also Llama 3 and Qwen).

    (?i:'s|'t|'re|'ve|'m|'ll|'d) | [^\r\n\p{L}\p{N}]?\p{L}+ | \p{N}{1,3} | ?[^\s\p{L}\p{N}]+[\r\n]*
    | \s*[\r\n]+ | \s+(?!\S) | \s+

The walker tries the alternatives in order, each on the runs of `bpe.kernels.scanning.runs`. On "(don't)  12345":

    "(don"   one sign, then letters            "'t"   contraction                          ")"   others
    " "      white space except the last       " "    the last, which digits do not include
    "123"    up to three digits                "45"

Reference: `bpe.patterns.split_pieces`.
"""

import numpy as np

from bpe.kernels.runtime.compiler import ZERO, kernel
from bpe.kernels.scanning.classes import EXPECTED
from bpe.kernels.scanning.runs import (
    LETTERS,
    NUMBERS,
    OTHERS,
    character_length,
    classify_text,
    contraction_end,
    in_class,
    num_words,
    number_end,
    run_end,
    space_end,
)

_ONE = np.uint64(1)


@kernel
def cl100k_end(text: np.ndarray, begin: int, p: int, end: int, masks: np.ndarray, words: int) -> int:
    """Return the end of the piece at byte p; p and the result are counted from `begin`."""
    byte = text[begin + p]
    if in_class(masks, LETTERS, words, p):
        return run_end(masks, LETTERS, words, p)
    if in_class(masks, NUMBERS, words, p):
        return number_end(text, begin, p, masks, words)
    contraction = contraction_end(text, begin + p, end) - begin
    if contraction > p:
        return contraction
    if byte != 0x0A and byte != 0x0D:
        q = p + character_length(text, begin + p)
        if in_class(masks, LETTERS, words, q):
            return run_end(masks, LETTERS, words, q)
    q = p + 1 if byte == 0x20 else p
    if in_class(masks, OTHERS, words, q):
        q = run_end(masks, OTHERS, words, q)
        while begin + q < end and (text[begin + q] == 0x0A or text[begin + q] == 0x0D):
            q += 1
        return q
    return space_end(text, begin, p, end, masks, words)


@kernel
def scan_cl100k(
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
        p = cl100k_end(text, begin, p, end, masks, words)
    return end if state[EXPECTED] else -1
