"""Everything that the ids of a tokenizer depend on, as the arrays that kernels read. No Numba here."""

from array import array
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import Self

import numpy as np

from bpe.compiled.calling import Arguments, key_masks
from bpe.compiled.character_model import Expansion
from bpe.compiled.filled_cache import FilledCache
from bpe.compiled.missing_bytes import MissingBytes
from bpe.kernels.encoding import layout as encoding
from bpe.kernels.loading import kernel
from bpe.kernels.runtime.layout import PADDING, TASK
from bpe.kernels.scanning import layout as scanning
from bpe.pre_tokenizers import PatternKey

_EMPTY = 0xFFFF_FFFF_FFFF_FFFF
_MAX_SHORT, _MAX_LONG, _MAX_LONG_BYTES = 1 << 18, 24_576, 3 << 20


def fits(ordinary: Collection[bytes], *, ignore_merges: bool) -> bool:
    """Return whether the kernels can encode with a vocabulary.

    With `ignore_merges` every token must be in a worker's cache (`bpe.compiled.worker`) from the start, because only
    there is the id of a piece that is itself a token. So there must be room for all of them, and for the pieces that
    come later.
    """
    if not ignore_merges:
        return True
    long = [len(token) for token in ordinary if len(token) > encoding.LONGEST_KEY]
    return (
        len(ordinary) - len(long) <= _MAX_SHORT
        and len(long) <= _MAX_LONG
        and sum(long) <= _MAX_LONG_BYTES
        and max(long, default=0) <= encoding.LONGEST_CACHED
    )


class CompiledModel:
    """The tables of one tokenizer; built once, read by all threads."""

    def __init__(
        self,
        id_of: Mapping[bytes, int],
        merges: Sequence[tuple[bytes, bytes]],
        ordinary: Mapping[bytes, int],
        *,
        pattern: PatternKey,
        vocab_size: int,
        ignore_merges: bool,
        expansion: Expansion | None = None,
    ) -> None:
        """Build the tables.

        Args:
            id_of: the id of each token.
            merges: the pairs to merge, in order of rank; the tokens that they make are in `id_of`.
            ordinary: the tokens that are not special.
            pattern: the regular expression that splits text, or the steps that do.
            vocab_size: one more than the largest id.
            ignore_merges: whether a piece that is an ordinary token gets its id, whatever the merges would give.
            expansion: what replaces some ids in the end.
        """
        from bpe.compiled.scanner import scanner_arguments  # automata, which a kept model does not need

        self.expansion = expansion
        self.missing = MissingBytes.of(id_of, vocab_size)
        id_of = {**id_of, **self.missing.ids()} if self.missing.values else id_of
        self._choose_kernel(np.dtype(np.uint16 if self.missing.end_id <= 65_536 else np.uint32))
        self.arguments = Arguments()
        a = self.arguments
        a.update(scanner_arguments(pattern))
        a[encoding.KEY_MASKS] = key_masks()
        a[encoding.BYTE_IDS] = np.array([id_of.get(bytes([byte]), 0) for byte in range(256)], np.int64)
        a[encoding.ADJACENT_BYTES] = np.full(1024, _EMPTY, np.uint64) if ignore_merges else adjacent_bytes(id_of)
        a[encoding.IGNORE_MERGES] = int(ignore_merges)
        self._fill_pairs(id_of, merges)
        tokens = sorted(ordinary, key=ordinary.__getitem__)
        self.vocabulary_text = np.frombuffer(b"".join(tokens) + bytes(PADDING), np.uint8)
        self.num_tokens = len(tokens)
        a[encoding.TOKEN_ENDS] = np.cumsum([len(token) for token in tokens], dtype=np.int64)
        a[encoding.TOKEN_IDS] = np.array([ordinary[token] for token in tokens], np.int64)
        self.filled_cache: FilledCache | None = None
        """The cache that a worker starts with, if it is known and need not be computed."""

    @classmethod
    def from_tables(
        cls, arguments: Arguments, vocabulary_text: "np.ndarray", cache: FilledCache, missing: MissingBytes
    ) -> Self:
        """Return a model whose tables are there already (`bpe.compiled.kept_models`)."""
        model = cls.__new__(cls)
        model.expansion = None
        model.missing = missing
        model._choose_kernel(cache.ids.dtype)
        model.arguments = arguments
        model.vocabulary_text = vocabulary_text
        model.num_tokens = arguments[encoding.TOKEN_ENDS].size
        model.filled_cache = cache
        return model

    def _choose_kernel(self, dtype: "np.dtype") -> None:
        self.dtype = dtype
        self.kernel = kernel("encode16" if self.dtype == np.uint16 else "encode32")

    @property
    def has_scanner(self) -> bool:
        """Whether the kernels have a scanner for the pattern."""
        return bool(self.arguments[scanning.PATTERN] != scanning.NO_SCANNER)

    def expanded(self, ids: "np.ndarray") -> "np.ndarray":
        """Return ids that a kernel gave, with those replaced that the vocabulary of the tokenizer does not have."""
        return ids if self.expansion is None else self.expansion.apply(ids)

    def _fill_pairs(self, id_of: Mapping[bytes, int], merges: Sequence[tuple[bytes, bytes]]) -> None:
        get = id_of.get
        flat = array("q")
        for left, right in merges:
            left_id, right_id = get(left), get(right)
            if left_id is not None and right_id is not None:  # else no piece ever contains the pair
                flat.extend((left_id, right_id, id_of[left + right]))
        bits = max(10, (2 * len(flat) // 3).bit_length())
        a = self.arguments
        a[encoding.MERGE_IDS] = np.frombuffer(flat, np.int64) if flat else np.empty(0, np.int64)
        a[encoding.PAIR_VALUES] = np.full(2 << bits, _EMPTY, np.uint64)
        a[encoding.PAIR_VALUES_SHIFT] = 64 - bits
        a[encoding.BYTE_PAIR_VALUES] = np.zeros(65_536, np.uint64)
        a[TASK] = encoding.FILL_PAIR_VALUES
        a.call(kernel("tables"))


def adjacent_bytes(tokens: Mapping[bytes, int]) -> "np.ndarray":
    """Return which bytes are side by side in some token, a bit for each of 65,536 pairs: uint64 `[1024]`."""
    found = np.zeros(65_536, np.uint8)
    text = np.frombuffer(b"\0".join(tokens), np.uint8).astype(np.int64)
    found[text[:-1] << 8 | text[1:]] = 1
    # The separator was side by side with the ends of tokens; only tokens that contain it count.
    found[0:256] = 0
    found[0::256] = 0
    for token in tokens:
        if 0 in token:
            for left, right in pairwise(token):
                found[left << 8 | right] = 1
    return np.packbits(found, bitorder="little").view(np.uint64)
