"""The compiled engine of one thread: its buffers, and the cache that it fills. No Numba here."""

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np

from bpe.compiled.calling import Arguments, aligned
from bpe.compiled.filled_cache import FilledCache
from bpe.compiled.model import CompiledModel
from bpe.kernels.encoding import layout as encoding
from bpe.kernels.loading import kernel
from bpe.kernels.runtime.layout import PADDING, TASK
from bpe.kernels.scanning import layout as scanning
from bpe.kernels.scanning.class_table import NUM_CLASSES

CHUNK_BYTES = 1 << 20
"""Bytes of text that are encoded at a time: few enough to stay in the second-level cache of most processors, and enough
to make the work of Python for each chunk negligible."""

_MAX_SLOTS = 1 << 20
_LONG_BITS = 16
_KEPT_BYTES = 4 << 20
_KEPT_IDS = 4 << 20


class Specials:
    """Special tokens in the form that kernels search for."""

    def __init__(self, ids: Mapping[str, int]) -> None:
        """Prepare the tokens, given with their ids."""
        self._fill({token.encode(): token_id for token, token_id in ids.items()})

    @classmethod
    def of_bytes(cls, ids: Mapping[bytes, int]) -> Self:
        """Prepare strings of bytes that need not be UTF-8, given with their ids."""
        specials = cls({})
        specials._fill(ids)
        return specials

    def _fill(self, ids: Mapping[bytes, int]) -> None:
        encoded = sorted(ids.items(), key=lambda item: -len(item[0]))
        self.arguments = Arguments()
        text = b"".join(token for token, _ in encoded)
        self.arguments[scanning.SPECIAL_TEXT] = np.frombuffer(text or b"\0", np.uint8)
        beginnings = sorted({(token[0], token[1] if len(token) > 1 else scanning.ANY_BYTE) for token, _ in encoded})
        self.arguments[scanning.SPECIAL_BEGINNINGS] = np.array(beginnings, np.int64).reshape(-1)
        self.arguments[scanning.SPECIAL_OFFSETS] = np.cumsum([0, *(len(token) for token, _ in encoded)], dtype=np.int64)
        self.arguments[scanning.SPECIAL_IDS] = np.array([token_id for _, token_id in encoded], np.int64)


class NotUtf8Error(ValueError):
    """A chunk of text is not UTF-8."""


class Worker:
    """Encodes chunks of text, one at a time."""

    def __init__(self, model: CompiledModel) -> None:
        """Allocate buffers, and a cache that contains the vocabulary."""
        self._model = model
        self._a = Arguments()
        self._a.update(model.arguments)
        self._capacity = 0
        self._specials: Specials | None = None
        self._a[encoding.POSITIONS] = aligned(encoding.NUM_POSITIONS, np.uint32)
        self._a[encoding.PIECE_KEYS] = aligned(4 * encoding.NUM_KEYS, np.uint64)
        self._a[scanning.MASKS] = np.zeros(NUM_CLASSES, np.uint64)
        self._a[scanning.SYMBOLS] = np.zeros(scanning.NUM_BLOCK_SYMBOLS, np.uint8)
        self._a[scanning.STATE] = np.zeros(scanning.STATE_SIZE, np.uint64)
        self._reserve(CHUNK_BYTES)
        self._start_cache()

    def _reserve(self, num_bytes: int) -> None:
        """Make room for chunks of `num_bytes` bytes."""
        if num_bytes <= self._capacity:
            return
        self._capacity = num_bytes
        self._text = aligned(num_bytes + PADDING, np.uint8, zeros=True)
        self._a[scanning.TEXT] = self._text
        self._a[scanning.STARTS] = aligned(num_bytes // 64 + 2, np.uint64, zeros=True)
        self._a[encoding.MERGE_VALUES] = aligned(3 * num_bytes, np.uint64)
        self._a[encoding.MERGE_LINKS] = aligned(2 * num_bytes, np.int64)
        self._a[encoding.OUT] = aligned(num_bytes + PADDING, self._model.dtype, zeros=True)

    def _start_cache(self) -> None:
        """Start with an empty cache and add the vocabulary."""
        num_tokens = self._model.num_tokens
        bits = max(14, min(18, (8 * num_tokens).bit_length()), (2 * num_tokens).bit_length())
        self._counters = np.zeros(encoding.NUM_CACHE_COUNTERS, np.int64)
        a = self._a
        a[encoding.CACHE_COUNTERS] = self._counters
        a[encoding.SHORT_CACHE] = aligned(4 << bits, np.uint64, zeros=True)
        a[encoding.SHORT_CACHE_SHIFT] = 64 - bits
        a[encoding.LONG_CACHE] = aligned(4 << _LONG_BITS, np.uint64, zeros=True)
        a[encoding.LONG_CACHE_SHIFT] = 64 - _LONG_BITS
        a[encoding.LONG_CACHE_BYTES] = np.empty(_KEPT_BYTES, np.uint8)
        a[encoding.CACHED_IDS] = np.empty(_KEPT_IDS, self._model.dtype)
        if self._model.filled_cache is not None:
            self._model.filled_cache.copy_to(a)
        else:
            a[scanning.TEXT] = self._model.vocabulary_text
            a[TASK] = encoding.CACHE_VOCABULARY
            a.call(self._model.kernel)
            a[scanning.TEXT] = self._text
        a[TASK] = encoding.ENCODE

    def cache(self) -> FilledCache:
        """Return a copy of the cache: of the vocabulary alone, if nothing was encoded yet."""
        return FilledCache.of(self._a)

    def _keep_room(self) -> None:
        """Before a chunk: grow the table if it is half full; start an empty cache if nothing may grow any more."""
        used, slots = int(self._counters[encoding.SHORT_USED]), self._a[encoding.SHORT_CACHE].size // 4
        full = self._counters[encoding.BYTES_USED] > _KEPT_BYTES * 7 // 8
        full |= self._counters[encoding.IDS_USED] > _KEPT_IDS * 7 // 8
        full |= self._counters[encoding.LONG_USED] >= (4 << _LONG_BITS) // 8
        if full or (slots >= _MAX_SLOTS and 4 * used >= 3 * slots):
            self._start_cache()
        elif 2 * used >= slots and slots < _MAX_SLOTS:
            self._a[encoding.OLD_SHORT_CACHE] = self._a[encoding.SHORT_CACHE]
            self._a[encoding.SHORT_CACHE] = aligned(8 * slots, np.uint64, zeros=True)
            self._a[encoding.SHORT_CACHE_SHIFT] = 64 - (2 * slots - 1).bit_length()
            self._a[TASK] = encoding.GROW_SHORT_CACHE
            self._a.call(kernel("tables"))
            self._a[TASK] = encoding.ENCODE
            self._a[encoding.OLD_SHORT_CACHE] = np.empty(0, np.uint64)

    def buffer(self, num_bytes: int) -> memoryview:
        """Return the memory to write the next chunk of `num_bytes` bytes to."""
        self._reserve(num_bytes)
        return self._text.data[:num_bytes]

    def wide_characters(self, num_bytes: int) -> bytes:
        """Return the bytes of what was written to `buffer(num_bytes)`, without those of ASCII."""
        text = self._text[:num_bytes]
        return text[text >= 0x80].tobytes()

    def encode_buffer(self, num_bytes: int, specials: Specials, starts: Sequence[int] | None = None) -> "np.ndarray":
        """Encode what was written to `buffer(num_bytes)`.

        Args:
            num_bytes: the length of the chunk.
            specials: the special tokens to recognize.
            starts: where pieces start, for patterns without a scanner; `specials` must be empty then.

        Returns:
            The ids: a view of memory that the next call overwrites.

        Raises:
            NotUtf8Error: the chunk is not UTF-8.
            ValueError: a byte of it is not in the vocabulary.
        """
        self._keep_room()
        self._text[num_bytes : num_bytes + PADDING] = 0
        if specials is not self._specials:
            self._a.update(specials.arguments)
            self._specials = specials
        if starts is not None:
            self._mark(starts)
        self._a[encoding.TEXT_LENGTH] = num_bytes
        count = self._a.call(self._model.kernel)
        if count < 0:
            raise NotUtf8Error("the chunk is not UTF-8")
        ids: np.ndarray = self._a[encoding.OUT][:count]
        self._model.missing.check(ids, self._text[:num_bytes])
        return ids

    def _mark(self, starts: Sequence[int]) -> None:
        """Write STARTS."""
        mask = self._a[scanning.STARTS]
        mask[:] = 0
        positions = np.array(starts, np.int64)
        np.bitwise_or.at(mask, positions >> 6, np.uint64(1) << (positions & 63).astype(np.uint64))
