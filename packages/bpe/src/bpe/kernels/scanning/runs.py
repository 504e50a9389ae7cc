"""The classes of a whole text as bit masks, and functions that walk along their runs.

GPT-2's pattern can be expressed as bit algebra on single blocks; the later patterns need more ("up to three digits",
"upper case, then lower case, then perhaps a contraction"). For them the whole text is classified first, into one long
mask for each class. Then a walker goes from piece to piece: the end of a run of a class is the next zero in its mask,
which one instruction finds in 64 bytes.

    text      n a ï v e   1 2 3 4
    LETTERS   1 1 1 1 1 1 0 0 0 0 0       run_end(LETTERS, 0) = 6: the ï has two bytes
    NUMBERS   0 0 0 0 0 0 0 1 1 1 1

Reference: the quantifier `+` of the patterns in `bpe.patterns`.
"""

import numpy as np

from bpe.kernels.runtime.bits import highest_bit, lowest_bit
from bpe.kernels.runtime.compiler import inlined, kernel
from bpe.kernels.runtime.masks import between
from bpe.kernels.runtime.memory import load_word
from bpe.kernels.scanning.class_table import CASELESS, LOWER, MARK, NUM_CLASSES, NUMBER, SPACE, UPPER
from bpe.kernels.scanning.classes import EXPECTED, ascii_digits, ascii_spaces, classify_wide, valid_mask
from bpe.kernels.scanning.layout import NUM_LONG_MASKS

LETTERS, UPPERS, LOWERS, NUMBERS, SPACES, OTHERS, CONTINUATIONS = (np.int64(k) for k in range(NUM_LONG_MASKS))
"""The long masks: LETTERS is `\\p{L}`; UPPERS are the characters of upper-case words, LOWERS those of lower-case words
(both include letters without case, and marks); OTHERS are neither letters, numbers nor white space; CONTINUATIONS are
the bytes that do not begin a character."""

_ONE, _ALL = np.uint64(1), ~np.uint64(0)


@kernel
def classify_text(
    text: np.ndarray, begin: int, end: int, table: np.ndarray, masks: np.ndarray, state: np.ndarray
) -> int:
    """Write the long masks of `text[begin:end]` into `masks`, after `NUM_CLASSES` words of scratch.

    Args:
        text: uint8, padded.
        begin: the first byte; bit 0 of each mask.
        end: the byte after the last.
        table: from `class_table`.
        masks: uint64, at least `NUM_CLASSES + NUM_LONG_MASKS * num_words(begin, end)`.
        state: uint64 `[STATE_SIZE]`, scratch.

    Returns:
        -1, or a byte in or before which the text is not UTF-8.
    """
    state[:] = 0
    words = num_words(begin, end)
    for block in range(words):
        i = begin + (block << 6)
        at = NUM_CLASSES + block
        valid = valid_mask(i, end) if i < end else np.uint64(0)  # the last block is empty
        uppers, lowers = between(text, i, 0x41, 26) & valid, between(text, i, 0x61, 26) & valid
        letters = uppers | lowers
        numbers, spaces = ascii_digits(text, i) & valid, ascii_spaces(text, i) & valid
        continuations = np.uint64(0)
        if (between(text, i, 0x80, 0x80) & valid) | state[EXPECTED]:
            bad = classify_wide(text, i, valid, table, masks, state)
            if bad >= 0:
                return bad
            cased = masks[UPPER] | masks[LOWER]
            uppers |= masks[UPPER] | masks[CASELESS] | masks[MARK]
            lowers |= masks[LOWER] | masks[CASELESS] | masks[MARK]
            letters |= cased | masks[CASELESS]
            numbers |= masks[NUMBER]
            spaces |= masks[SPACE]
            continuations = between(text, i, 0x80, 0x40) & valid
        masks[at + LETTERS * words], masks[at + UPPERS * words] = letters, uppers
        masks[at + LOWERS * words], masks[at + NUMBERS * words] = lowers, numbers
        masks[at + SPACES * words], masks[at + CONTINUATIONS * words] = spaces, continuations
        masks[at + OTHERS * words] = valid & ~(letters | numbers | spaces)
    return -1


@inlined
def num_words(begin: int, end: int) -> int:
    """Return the number of words of one long mask: a bit for every byte, and at least one more."""
    return ((end - begin) >> 6) + 1


@inlined
def in_class(masks: np.ndarray, k: int, words: int, p: int) -> bool:
    """Return whether byte p, counted from the beginning of the text, is of class k."""
    word = load_word(masks, (NUM_CLASSES + k * words + (p >> 6)) << 3)
    return (word >> np.uint64(p & 63)) & _ONE != 0


@inlined
def run_end(masks: np.ndarray, k: int, words: int, p: int) -> int:
    """Return the first byte from p on that is not of class k; the end of the text is of no class."""
    at = (NUM_CLASSES + k * words + (p >> 6)) << 3
    missing = ~load_word(masks, at) & (_ALL << np.uint64(p & 63))
    p &= ~63
    while missing == 0:
        at += 8
        p += 64
        missing = ~load_word(masks, at)
    return p + lowest_bit(missing)


@kernel
def last_of_both(masks: np.ndarray, k: int, other: int, words: int, p: int, q: int) -> int:
    """Return the last byte from p to before q that is of both classes, or -1."""
    at, other_at = NUM_CLASSES + k * words, NUM_CLASSES + other * words
    word = (q - 1) >> 6
    bits = masks[at + word] & masks[other_at + word] & (_ALL >> np.uint64(63 - ((q - 1) & 63)))
    while bits == 0 and word > p >> 6:
        word -= 1
        bits = masks[at + word] & masks[other_at + word]
    found = (word << 6) + highest_bit(bits) if bits else -1
    return found if found >= p else -1


@inlined
def character_length(text: np.ndarray, p: int) -> int:
    """Return the number of bytes of the character at byte p, given by its first byte."""
    first = text[p]
    return 1 if first < 0x80 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4


@kernel
def contraction_end(text: np.ndarray, p: int, end: int) -> int:
    """Return the end of `(?i:'s|'t|'re|'ve|'m|'ll|'d)` at byte p, or p if there is none.

    Letters match in upper and lower case, and "s" also matches the long s (U+017F), which folds to it.
    """
    if p + 1 >= end or text[p] != ord("'"):
        return p
    a = text[p + 1] | 0x20
    if a == ord("s") or a == ord("t") or a == ord("m") or a == ord("d"):
        return p + 2 if text[p + 1] < 0x80 else p
    if p + 2 >= end:
        return p
    if text[p + 1] == 0xC5 and text[p + 2] == 0xBF:
        return p + 3
    b = text[p + 2] | 0x20
    if (a == ord("l") and b == ord("l")) or ((a == ord("r") or a == ord("v")) and b == ord("e")):
        return p + 3
    return p


@kernel
def number_end(text: np.ndarray, begin: int, p: int, masks: np.ndarray, words: int) -> int:
    r"""Return the end of `\p{N}{1,3}` at byte p, which is a number."""
    for _ in range(3):
        if not in_class(masks, NUMBERS, words, p):
            break
        p += character_length(text, begin + p)
    return p


@kernel
def space_end(text: np.ndarray, begin: int, p: int, end: int, masks: np.ndarray, words: int) -> int:
    r"""Return the end of `\s*[\r\n]+|\s+(?!\S)|\s+` at byte p, which is white space; all counted from `begin`."""
    q = run_end(masks, SPACES, words, p)
    for r in range(q - 1, p - 1, -1):
        if text[begin + r] == 0x0A or text[begin + r] == 0x0D:
            return r + 1
    if begin + q == end:
        return q
    last = q - 1
    while in_class(masks, CONTINUATIONS, words, last):
        last -= 1
    return last if last > p else q
