r"""The class of every character in 64 bytes, as bit masks, one for each class.

GPT-2's pattern distinguishes four classes. ASCII is classified by comparing 64 bytes at once. In a block with other
characters, their first bytes are visited. Where all characters with the same first byte are of one class (as in most of
Chinese and Cyrillic), all of them in the block are classified at once; otherwise each is looked up in a table of all
1,114,112 code points. Then every class is extended over the bytes that continue its characters. On the UTF-8 bytes of
"né 1":

    byte             6e c3 a9 20 31
    first bytes      1  1  0  1  1
    continuation     0  0  1  0  0
    LETTER           1  1  1  0  0
    SPACE            0  0  0  1  0

The table is computed with the installed `regex` package (which takes some 50 ms), so that its Unicode version is always
that of the reference. The text is validated as UTF-8 at the same time.

Reference: `regex.match(r"\p{L}", character)` and so on, for every character; and `bytes.decode`.
"""

import numpy as np

from bpe.kernels.runtime.bits import lowest_bit
from bpe.kernels.runtime.compiler import inlined, kernel
from bpe.kernels.runtime.masks import between, equals
from bpe.kernels.scanning.class_table import LETTER, MIXED, NUM_CLASSES, NUMBER, SPACE

EXPECTED = 7
"""`state` has, for the byte before a block, a bit for each class, and at EXPECTED the continuation bytes to come."""

_ONE, _LAST = np.uint64(1), np.uint64(63)
_ZERO = np.uint64(0)


@inlined
def valid_mask(i: int, n: int) -> int:
    """Return the mask of the bytes of the block at i that are before n."""
    return ~_ZERO if i + 64 <= n else (_ONE << np.uint64(n - i)) - _ONE


@inlined
def ascii_spaces(text: np.ndarray, i: int) -> int:
    """Return the mask of ASCII white space in the block at i."""
    return equals(text, i, 0x20) | between(text, i, 0x09, 5)


@inlined
def ascii_digits(text: np.ndarray, i: int) -> int:
    """Return the mask of ASCII digits in the block at i."""
    return between(text, i, 0x30, 10)


@inlined
def code_point(text: np.ndarray, p: int) -> int:
    """Decode the character of two to four bytes at p; return -1 if the bytes are not valid (Unicode, table 3-7)."""
    first, second = np.int64(text[p]), np.int64(text[p + 1]) & 0x3F
    if first < 0xE0:
        return (first & 0x1F) << 6 | second
    third = np.int64(text[p + 2]) & 0x3F
    if first < 0xF0:
        value = (first & 0x0F) << 12 | second << 6 | third
        return -1 if value < 0x800 or 0xD800 <= value < 0xE000 else value
    value = (first & 0x07) << 18 | second << 12 | third << 6 | (np.int64(text[p + 3]) & 0x3F)
    return -1 if value < 0x10000 or value >= 0x110000 else value


@inlined
def spread(mask: int, before: int, continuation: int) -> int:
    """Extend the mask of a class from first bytes to the up to three bytes that continue them."""
    mask |= (mask << _ONE | before) & continuation
    mask |= (mask << _ONE) & continuation
    return mask | ((mask << _ONE) & continuation)


@kernel
def classify_wide(text: np.ndarray, i: int, valid: int, table: np.ndarray, masks: np.ndarray, state: np.ndarray) -> int:
    """Find the classes of the non-ASCII characters in the block at i.

    Args:
        text: uint8, padded.
        i: where the block starts.
        valid: the mask of the bytes that belong to the text.
        table: from `class_table`.
        masks: uint64 `[NUM_CLASSES]`; set to the mask of each class, without ASCII.
        state: uint64 `[STATE_SIZE]`, passed from block to block; all 0 at the start of a text.

    Returns:
        -1, or a byte in or before which the text is not UTF-8.
    """
    continuation = between(text, i, 0x80, 0x40) & valid
    leads = between(text, i, 0xC2, 0x33) & valid
    threes = between(text, i, 0xE0, 0x15) & valid
    fours = between(text, i, 0xF0, 0x05) & valid
    illegal = between(text, i, 0x80, 0x80) & valid & ~(continuation | leads)
    expected = leads << _ONE | threes << np.uint64(2) | fours << np.uint64(3) | state[EXPECTED]
    wrong = illegal | (continuation ^ expected)
    if wrong:
        return i + lowest_bit(wrong)
    state[EXPECTED] = leads >> _LAST | threes >> np.uint64(62) | fours >> np.uint64(61)
    letter = number = space = _ZERO
    while leads:
        b = lowest_bit(leads)
        first = text[i + b]
        character_class = table[0x110000 + np.int64(first)]
        if character_class == MIXED:
            alike = leads & (~leads + _ONE)
            value = code_point(text, i + b)
            if value < 0:
                return i + b
            character_class = table[value]
        else:
            alike = equals(text, i, np.int64(first))
        leads &= ~alike
        letter |= alike if character_class == LETTER else _ZERO
        number |= alike if character_class == NUMBER else _ZERO
        space |= alike if character_class == SPACE else _ZERO
    masks[LETTER] = spread(letter, state[LETTER], continuation)
    masks[NUMBER] = spread(number, state[NUMBER], continuation)
    masks[SPACE] = spread(space, state[SPACE], continuation)
    for k in range(1, NUM_CLASSES):
        state[k] = masks[k] >> _LAST
    return -1
