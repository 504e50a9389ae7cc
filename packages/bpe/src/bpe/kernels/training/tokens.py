"""The byte strings of tokens, in the kernels that learn merges: where they are and how they compare.

Every token occurs somewhere in the text it is learned from, so its bytes need no memory of their own: a token is a
place in the text and a length. In the text `low lower`

    id      0 … 255            256          257
    bytes   each byte          l o          lo w
    place   where it occurs    0            0
    length  1                  2            3

Ties are decided by bytes, and at low counts there are many. Most are decided by the first eight bytes, which each token
has as one big-endian number (`prefix`), padded with zeros.

No token is made twice, so no table from bytes to ids is needed. Proof: suppose that somewhere `l` + `r` makes the bytes
s, and elsewhere, later, `l'` + `r'` makes the same bytes. In both places all merges inside s were the same until then:
no merge crossed the borders of s in either, and from left to right the same pairs were merged. (A run `x x x` is merged
from its left end; if it began before s, an even number of x was there, else one would have crossed the border.) So the
second place became s in the same step as the first one.

Reference: the `bytes` objects in `bpe.reference.learn_merges`.
"""

from typing import Any

import numpy as np

from bpe.kernels.runtime.compiler import kernel
from bpe.kernels.runtime.memory import view
from bpe.kernels.training.layout import TOKENS, WORDS
from bpe.kernels.training.records import TOKEN


@kernel
def add_token(a: Any, new: int, place: int, length: int) -> None:
    """Add the token `new`, which is `WORDS[place : place + length]`."""
    text, token = view(a, WORDS, np.uint8), view(a, TOKENS, TOKEN)[new]
    token.place = place
    token.length = length
    token.touched = -1
    prefix = np.uint64(0)
    for i in range(8):
        prefix = (prefix << np.uint64(8)) | np.uint64(text[place + i] if i < length else 0)
    token.prefix = prefix


@kernel
def is_greater(a: Any, token: int, other: int) -> bool:
    """Return whether the bytes of a token are lexicographically greater than those of another one."""
    text, tokens = view(a, WORDS, np.uint8), view(a, TOKENS, TOKEN)
    one, two = tokens[token], tokens[other]
    if one.prefix != two.prefix:
        return one.prefix > two.prefix
    if min(one.length, two.length) <= 8:  # the shorter one is a prefix of the other
        return one.length > two.length
    i, j = one.place, two.place
    for k in range(8, min(one.length, two.length)):
        if text[i + k] != text[j + k]:
            return text[i + k] > text[j + k]
    return one.length > two.length
