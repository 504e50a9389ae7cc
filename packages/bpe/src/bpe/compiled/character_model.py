"""BPE over characters as BPE over bytes, so that the kernels can do it. No Numba here.

A model of characters starts from the characters of a piece, those that it has no token for as the tokens of their
bytes. The kernels start from bytes. So the bytes of each known character are merged first, by merges that come before
those of the model, through tokens with ids above its vocabulary:

    ▁    E2 96 81    <0xE2> <0x96>  ->  65000 (for example)        65000 <0x81>  ->  ▁

A byte by itself has the id of its byte token. What is left of a character that is not known are such bytes, or the
token of some of its first bytes, which is replaced by the tokens of these bytes in the end (`Expansion`).

That gives the same ids because nothing else can happen to bytes. In UTF-8 the first byte of a character never occurs in
another place of one, so the merges of bytes never cross from one character to the next; and the merges of the model
contain no byte tokens, or there is no such translation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bpe.reference import Pair

_BYTE_TOKENS = [b"<0x%02X>" % byte for byte in range(256)]
_NEVER_IN_UTF8 = {0xC0, 0xC1, *range(0xF5, 0x100)}
_LONGEST_BEGINNING = 3  # bytes of a character without its last one


@dataclass(frozen=True)
class ByteModel:
    """A model of bytes that gives the ids of a model of characters, after `Expansion`."""

    id_of: dict[bytes, int]
    """The id of each token, including all 256 bytes."""
    merges: list[Pair]
    """The merges, in order of rank."""
    vocab_size: int
    """One more than the largest id."""
    expansion: "Expansion"
    """Replaces the ids that the model of characters does not have."""


class Expansion:
    """Replaces the tokens of the first bytes of characters by the tokens of these bytes."""

    def __init__(self, vocab_size: int, dtype: "np.dtype", byte_ids: Sequence[Sequence[int]]) -> None:
        """Prepare the tables.

        Args:
            vocab_size: the size of the vocabulary, and the first id to replace.
            dtype: the type of ids that `apply` returns.
            byte_ids: the ids that replace each id, from the first one to replace on.
        """
        self.dtype = dtype
        self.separator = vocab_size + len(byte_ids)
        """An id that no text has, not even before it is expanded."""
        self._first = vocab_size
        self._lengths = np.array([len(ids) for ids in byte_ids], np.int64)
        self._byte_ids = np.zeros((len(byte_ids), _LONGEST_BEGINNING), dtype)
        for row, ids in enumerate(byte_ids):
            self._byte_ids[row, : len(ids)] = ids

    def apply(self, ids: "np.ndarray") -> "np.ndarray":
        """Return the ids with all of them replaced; the same array if there are none and the type is right."""
        places = np.flatnonzero(ids >= self._first)
        if not places.size:
            return ids.astype(self.dtype, copy=False)
        replaced = ids[places].astype(np.int64) - self._first
        counts = np.ones(ids.size, np.int64)
        counts[places] = self._lengths[replaced]
        expanded = np.repeat(ids, counts).astype(self.dtype)
        starts = (np.cumsum(counts) - counts)[places]
        for k in range(_LONGEST_BEGINNING):
            longer = self._lengths[replaced] > k
            expanded[starts[longer] + k] = self._byte_ids[replaced[longer], k]
        return expanded


def byte_model(
    id_of: Mapping[bytes, int], merges: Sequence[Pair], vocab_size: int, dtype: "np.dtype"
) -> ByteModel | None:
    """Return the model of bytes for a model of characters with byte fallback, or None if there is none.

    Args:
        id_of: the id of each token, as it is written.
        merges: the pairs to merge, in order of rank.
        vocab_size: one more than the largest id.
        dtype: the type of ids.
    """
    single = {bytes([byte]): _id_of_byte(byte, id_of) for byte in range(256)}
    known = frozenset(_BYTE_TOKENS)
    if None in single.values() or any(
        left in known or right in known or left + right in known for left, right in merges
    ):
        return None
    byte_ids = {byte: token_id for byte, token_id in single.items() if token_id is not None}
    beginnings: dict[bytes, int] = {}
    first_merges: dict[Pair, None] = {}
    for token in id_of:
        if 1 < len(token) <= _LONGEST_BEGINNING + 1 and len(token) == _length_of_character(token[0]):
            for end in range(2, len(token)):
                beginnings.setdefault(token[:end], vocab_size + len(beginnings))
            for end in range(1, len(token)):
                first_merges.setdefault((token[:end], token[end : end + 1]))
    expansion = Expansion(
        vocab_size, dtype, [[byte_ids[start[i : i + 1]] for i in range(len(start))] for start in beginnings]
    )
    return ByteModel(
        {**id_of, **byte_ids, **beginnings},
        [*first_merges, *merges],
        expansion.separator + 1,
        expansion,
    )


def _id_of_byte(byte: int, id_of: Mapping[bytes, int]) -> int | None:
    """Return the id of a byte: that of the character of ASCII if it is known, else that of the byte token."""
    if byte < 0x80 and bytes([byte]) in id_of:
        return id_of[bytes([byte])]
    return 0 if byte in _NEVER_IN_UTF8 else id_of.get(_BYTE_TOKENS[byte])


def _length_of_character(first: int) -> int:
    """Return the number of bytes of a character in UTF-8 that begins with this byte."""
    return 1 if first < 0x80 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4
