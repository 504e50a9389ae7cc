"""One thread's half of the compiled path: its buffers, and the cache that it fills as it goes. No Numba here."""

from collections.abc import Sequence

import numpy as np

from bpe.compiled.calling import Arguments, aligned
from bpe.compiled.model import CompiledModel
from bpe.kernels import layout
from bpe.kernels.class_table import NUM_CLASSES
from bpe.kernels.loading import kernel

CHUNK_BYTES = 1 << 20
"""Bytes of text that are encoded at a time: few enough to stay in the second-level cache of most processors, and enough
to make what Python does around each chunk negligible."""

_MOST_PLACES = 1 << 20
_LONG_BITS = 16
_NUM_MASKS = 8
_KEPT_BYTES = 4 << 20
_KEPT_IDS = 4 << 20


class Specials:
    """Special tokens as kernels look for them."""

    def __init__(self, ids: dict[str, int]) -> None:
        """Prepare the tokens, given with their ids."""
        encoded = sorted(((token.encode(), token_id) for token, token_id in ids.items()), key=lambda x: -len(x[0]))
        self.arguments = Arguments()
        text = b"".join(token for token, _ in encoded)
        self.arguments[layout.SPECIAL_TEXT] = np.frombuffer(text or b"\0", np.uint8)
        first_bytes = bytes(sorted({token[0] for token, _ in encoded}))
        self.arguments[layout.SPECIAL_FIRST_BYTES] = np.frombuffer(first_bytes, np.uint8)
        self.arguments[layout.SPECIAL_OFFSETS] = np.cumsum([0, *(len(token) for token, _ in encoded)], dtype=np.int64)
        self.arguments[layout.SPECIAL_IDS] = np.array([token_id for _, token_id in encoded], np.int64)


class NotUtf8Error(ValueError):
    """A chunk of text is not UTF-8."""


class Worker:
    """Encodes chunks of text, one at a time."""

    def __init__(self, model: CompiledModel) -> None:
        """Make buffers, and a cache that knows the vocabulary."""
        self._model = model
        self._a = Arguments()
        self._a.update(model.arguments)
        self._capacity = 0
        self._specials: Specials | None = None
        self._a[layout.POSITIONS] = aligned(layout.NUM_POSITIONS, np.uint32)
        self._a[layout.KEYS] = aligned(4 * layout.NUM_KEYS, np.uint64)
        self._a[layout.STATE] = np.zeros(8, np.uint64)
        self._reserve(CHUNK_BYTES)
        self._start_cache()

    def _reserve(self, num_bytes: int) -> None:
        """Make room for chunks of so many bytes."""
        if num_bytes <= self._capacity:
            return
        self._capacity = num_bytes
        words = num_bytes // 64 + 2
        self._text = aligned(num_bytes + layout.PADDING, np.uint8, zeros=True)
        self._a[layout.TEXT] = self._text
        self._a[layout.STARTS] = aligned(words, np.uint64, zeros=True)
        self._a[layout.MASKS] = aligned(NUM_CLASSES + _NUM_MASKS * words, np.uint64)
        self._a[layout.VALUES] = aligned(3 * num_bytes, np.uint64)
        self._a[layout.LINKS] = aligned(2 * num_bytes, np.int64)
        self._a[layout.OUT] = aligned(num_bytes + layout.PADDING, self._model.dtype, zeros=True)

    def _start_cache(self) -> None:
        """Make an empty cache and enter the vocabulary."""
        num_tokens = self._model.num_tokens
        bits = max(14, min(18, (8 * num_tokens).bit_length()), (2 * num_tokens).bit_length())
        self._counters = np.zeros(layout.NUM_COUNTERS, np.int64)
        a = self._a
        a[layout.COUNTERS] = self._counters
        a[layout.TABLE] = aligned(4 << bits, np.uint64, zeros=True)
        a[layout.SHIFT] = 64 - bits
        a[layout.LONG_TABLE] = aligned(4 << _LONG_BITS, np.uint64, zeros=True)
        a[layout.LONG_SHIFT] = 64 - _LONG_BITS
        a[layout.LONG_BYTES] = np.empty(_KEPT_BYTES, np.uint8)
        a[layout.IDS] = np.empty(_KEPT_IDS, self._model.dtype)
        a[layout.TEXT] = self._model.vocabulary_text
        a[layout.TASK] = layout.LEARN_VOCABULARY
        a.call(self._model.kernel)
        a[layout.TASK] = layout.ENCODE
        a[layout.TEXT] = self._text

    def _keep_room(self) -> None:
        """Before a chunk: grow the table when it is half full; forget all when nothing may grow any more."""
        used, places = int(self._counters[layout.SHORT_USED]), self._a[layout.TABLE].size // 4
        full = self._counters[layout.BYTES_USED] > _KEPT_BYTES * 7 // 8
        full |= self._counters[layout.IDS_USED] > _KEPT_IDS * 7 // 8
        full |= self._counters[layout.LONG_USED] >= (4 << _LONG_BITS) // 8
        if full or (places >= _MOST_PLACES and 4 * used >= 3 * places):
            self._start_cache()
        elif 2 * used >= places and places < _MOST_PLACES:
            self._a[layout.OLD_TABLE] = self._a[layout.TABLE]
            self._a[layout.TABLE] = aligned(8 * places, np.uint64, zeros=True)
            self._a[layout.SHIFT] = 64 - (2 * places - 1).bit_length()
            self._a[layout.TASK] = layout.GROW_TABLE
            self._a.call(kernel("tables"))
            self._a[layout.TASK] = layout.ENCODE
            self._a[layout.OLD_TABLE] = np.empty(0, np.uint64)

    def buffer(self, num_bytes: int) -> memoryview:
        """Return the memory into which the next chunk, of so many bytes, is to be written."""
        self._reserve(num_bytes)
        return self._text.data[:num_bytes]

    def encode_buffer(self, num_bytes: int, specials: Specials, starts: Sequence[int] | None = None) -> "np.ndarray":
        """Encode what was written into `buffer(num_bytes)`.

        Args:
            num_bytes: how much that was.
            specials: the special tokens to recognize.
            starts: where pieces start, for patterns that have no scanner; `specials` must be empty then.

        Returns:
            The ids: a view of memory that the next call overwrites.

        Raises:
            NotUtf8Error: the chunk is not UTF-8.
        """
        self._keep_room()
        self._text[num_bytes : num_bytes + layout.PADDING] = 0
        if specials is not self._specials:
            self._a.update(specials.arguments)
            self._specials = specials
        if starts is not None:
            self._mark(starts)
        self._a[layout.LENGTH] = num_bytes
        count = self._a.call(self._model.kernel)
        if count < 0:
            raise NotUtf8Error("the chunk is not UTF-8")
        ids: np.ndarray = self._a[layout.OUT][:count]
        return ids

    def _mark(self, starts: Sequence[int]) -> None:
        """Write STARTS."""
        mask = self._a[layout.STARTS]
        mask[:] = 0
        positions = np.array(starts, np.int64)
        np.bitwise_or.at(mask, positions >> 6, np.uint64(1) << (positions & 63).astype(np.uint64))
