"""Finding special tokens in bytes, 64 at a time.

Only two bytes with which a special token begins are examined further, and there are few of them: for `<|endoftext|>`
they are `<|` alone, and a block without them is skipped in a few instructions. Where several tokens begin at the same
byte, the longest wins, because it comes first in the list.

    text        a < b < | x | < | e n d o f t e x t | > c
    examined          ?       !

Reference: `bpe.special_tokens.SpecialTokens.split`.
"""

from typing import Any

import numpy as np

from bpe.kernels.runtime.bits import lowest_bit
from bpe.kernels.runtime.compiler import kernel
from bpe.kernels.runtime.masks import equals
from bpe.kernels.runtime.memory import view
from bpe.kernels.scanning.classes import valid_mask
from bpe.kernels.scanning.layout import ANY_BYTE, SPECIAL_BEGINNINGS, SPECIAL_OFFSETS, SPECIAL_TEXT

_ONE = np.uint64(1)


@kernel
def special_at(text: np.ndarray, p: int, n: int, a: Any) -> int:
    """Return the number of the special token at byte p, or -1."""
    specials, offsets = view(a, SPECIAL_TEXT, np.uint8), view(a, SPECIAL_OFFSETS, np.int64)
    for k in range(offsets.shape[0] - 1):
        offset, length = offsets[k], offsets[k + 1] - offsets[k]
        if p + length <= n:
            same = 0
            while same < length and text[p + same] == specials[offset + same]:
                same += 1
            if same == length:
                return k
    return -1


@kernel
def find_special(text: np.ndarray, p: int, n: int, a: Any) -> int:
    """Return the first byte from p on at which there is a special token, or n."""
    beginnings = view(a, SPECIAL_BEGINNINGS, np.int64)
    for i in range(p, n, 64):
        candidates = np.uint64(0)
        for k in range(0, beginnings.shape[0], 2):
            found = equals(text, i, beginnings[k])
            if found and beginnings[k + 1] != ANY_BYTE:  # few blocks have the first byte at all
                found &= equals(text, i + 1, beginnings[k + 1])
            candidates |= found
        candidates &= valid_mask(i, n)
        while candidates:
            q = i + lowest_bit(candidates)
            candidates &= candidates - _ONE
            if special_at(text, q, n, a) >= 0:
                return q
    return n
