"""Byte strings of tokens, in the kernels that learn merges: compared, and found again by their bytes.

Every token occurs somewhere in the text it is learned from, so its bytes need no room of their own: a token is a
place in the text and a length. In the text `low lower`

    id      0 … 255            256          257
    bytes   each byte          l o          lo w
    place   where it occurs    0            0
    length  1                  2            3

Ties are decided by bytes, and at low counts there are many. Most are settled by the first eight bytes, which each
token keeps as one big-endian number (`prefix`), zeros at its end.

Two different merges can make the same bytes: `a b` + `c` and `a` + `b c`. Tokens *are* their bytes, so both must give
one id: a hash table over the bytes (`slots`) finds it.

Textbook twin: `bytes` objects in `bpe.reference.learn_merges`.
"""

import numpy as np

from bpe.kernels.compiler import kernel

TOKEN = np.dtype(
    [
        ("place", np.int64),  # where in the text its bytes are
        ("prefix", np.uint64),
        ("length", np.int32),  # in bytes
        ("touched", np.int32),  # the number of the last merge that had it as a part
        ("made", np.int32),  # the number of the last merge that made it, 0 for none (merges count from 1)
    ]
)
"""A token, by id."""

_FNV_OFFSET, _FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)  # Fowler, Noll & Vo's hash


@kernel
def find_or_add(text: np.ndarray, tokens: np.ndarray, slots: np.ndarray, place: int, length: int, next_id: int) -> int:
    """Return the id of the token (of two bytes or more) that is `text[place : place + length]`.

    If there is none yet, it is entered under `next_id`.

    Args:
        text: uint8.
        tokens: TOKEN, by id.
        slots: int32 `[a power of two, more than there are tokens]`: ids by hash, −1 where nothing is.
        place: where the token is.
        length: how many bytes it has.
        next_id: the id of a new token.
    """
    hashed = _FNV_OFFSET
    for i in range(place, place + length):
        hashed = (hashed ^ np.uint64(text[i])) * _FNV_PRIME
    mask = len(slots) - 1
    slot = np.int64(hashed ^ (hashed >> np.uint64(32))) & mask
    while slots[slot] >= 0:
        candidate = np.int64(slots[slot])
        if tokens[candidate].length == length:
            other = tokens[candidate].place
            i = 0
            while i < length and text[place + i] == text[other + i]:
                i += 1
            if i == length:
                return candidate
        slot = (slot + 1) & mask
    slots[slot] = next_id
    token = tokens[next_id]
    token.place = place
    token.length = length
    token.touched = -1
    token.made = 0
    prefix = np.uint64(0)
    for i in range(8):
        prefix = (prefix << np.uint64(8)) | np.uint64(text[place + i] if i < length else 0)
    token.prefix = prefix
    return next_id


@kernel
def is_greater(text: np.ndarray, tokens: np.ndarray, a: int, b: int) -> bool:
    """Return whether token a's bytes are lexicographically greater than those of token b, another one."""
    if tokens[a].prefix != tokens[b].prefix:
        return tokens[a].prefix > tokens[b].prefix
    if min(tokens[a].length, tokens[b].length) <= 8:  # the shorter one is the beginning of the other
        return tokens[a].length > tokens[b].length
    i, j = tokens[a].place, tokens[b].place
    for k in range(8, min(tokens[a].length, tokens[b].length)):
        if text[i + k] != text[j + k]:
            return text[i + k] > text[j + k]
    return tokens[a].length > tokens[b].length
