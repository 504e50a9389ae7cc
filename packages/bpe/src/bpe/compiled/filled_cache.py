"""The cache of a worker as it is when only the vocabulary is in it, without the empty slots. No Numba here.

To fill a cache, the kernel encodes every token of the vocabulary. Copying the entries is several times faster.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bpe.compiled.calling import Arguments
from bpe.kernels.encoding import layout as encoding

_SLOT_WORDS = 4


@dataclass(frozen=True)
class FilledCache:
    """The entries of the two tables, and what they refer to."""

    counters: "np.ndarray"
    short_slots: "np.ndarray"
    """int64: the numbers of the slots of SHORT_CACHE that are used."""
    short_entries: "np.ndarray"
    """uint64 `[used, 4]`: their content."""
    long_slots: "np.ndarray"
    """int64: the numbers of the slots of LONG_CACHE that are used."""
    long_entries: "np.ndarray"
    """uint64 `[used, 4]`: their content."""
    piece_bytes: "np.ndarray"
    """uint8: the used beginning of LONG_CACHE_BYTES."""
    ids: "np.ndarray"
    """uint16 or uint32: the used beginning of CACHED_IDS."""

    @classmethod
    def of(cls, a: Arguments) -> "FilledCache":
        """Copy the entries of a worker's cache."""
        counters = a[encoding.CACHE_COUNTERS].copy()
        return cls(
            counters,
            *_used(a[encoding.SHORT_CACHE]),
            *_used(a[encoding.LONG_CACHE]),
            a[encoding.LONG_CACHE_BYTES][: counters[encoding.BYTES_USED]].copy(),
            a[encoding.CACHED_IDS][: counters[encoding.IDS_USED]].copy(),
        )

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, "np.ndarray"]) -> "FilledCache":
        """Return the cache whose fields are these arrays, the entries as one row of words."""
        entries = {name: arrays[name].reshape(-1, _SLOT_WORDS) for name in ("short_entries", "long_entries")}
        return cls(**{**arrays, **entries})

    def copy_to(self, a: Arguments) -> None:
        """Copy the entries to a worker's cache, which is empty and as large as the one that they are from."""
        a[encoding.CACHE_COUNTERS][:] = self.counters
        a[encoding.SHORT_CACHE].reshape(-1, _SLOT_WORDS)[self.short_slots] = self.short_entries
        a[encoding.LONG_CACHE].reshape(-1, _SLOT_WORDS)[self.long_slots] = self.long_entries
        a[encoding.LONG_CACHE_BYTES][: self.piece_bytes.size] = self.piece_bytes
        a[encoding.CACHED_IDS][: self.ids.size] = self.ids


def _used(table: "np.ndarray") -> "tuple[np.ndarray, np.ndarray]":
    slots = table.reshape(-1, _SLOT_WORDS)
    used = np.flatnonzero(slots.any(axis=1))
    return used, slots[used]
