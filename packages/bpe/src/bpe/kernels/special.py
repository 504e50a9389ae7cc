"""Finding special tokens in bytes, 64 at a time.

Only a byte that begins a special token needs a closer look, and there are few different ones: for `<|endoftext|>` it
is `<` alone, and a block without it is passed over in three instructions. Where several tokens begin at the same byte,
the longest comes first in the list and so wins.

    text      a < b < | e n d o f t e x t | > c
    looked at   ?   !

Textbook twin: `bpe.special_tokens.SpecialTokens.split`.
"""

from typing import Any

import numpy as np

from bpe.kernels import layout
from bpe.kernels.classes import valid_mask
from bpe.kernels.compiler import kernel
from bpe.kernels.memory import equals, lowest_bit, view

_ONE = np.uint64(1)


@kernel
def special_at(text: np.ndarray, p: int, n: int, a: Any) -> int:
    """Return which special token stands at byte p, or -1."""
    specials, offsets = view(a, layout.SPECIAL_TEXT, np.uint8), view(a, layout.SPECIAL_OFFSETS, np.int64)
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
    """Return the first byte from p on at which a special token stands, or n."""
    first_bytes = view(a, layout.SPECIAL_FIRST_BYTES, np.uint8)
    for i in range(p, n, 64):
        candidates = np.uint64(0)
        for k in range(first_bytes.shape[0]):
            candidates |= equals(text, i, np.int64(first_bytes[k]))
        candidates &= valid_mask(i, n)
        while candidates:
            q = i + lowest_bit(candidates)
            candidates &= candidates - _ONE
            if special_at(text, q, n, a) >= 0:
                return q
    return n
