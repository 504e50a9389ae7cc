"""The cache beyond look-ups: it starts with the vocabulary in it, and moves to a larger table when it is half full.

Most pieces of natural text are single tokens, so a cache that contains every short token of the vocabulary from the
start needs few merges. It moves between two chunks of text.

Reference: a dictionary does both automatically.
"""

from typing import Any

import numpy as np

from bpe.kernels.encoding.keys import key_high, key_low, key_slot
from bpe.kernels.encoding.layout import (
    IGNORE_MERGES,
    KEY_MASKS,
    LONGEST_KEY,
    OLD_SHORT_CACHE,
    SHORT_CACHE,
    SHORT_CACHE_SHIFT,
    TOKEN_ENDS,
    TOKEN_IDS,
)
from bpe.kernels.encoding.long_pieces import cache_long, long_slot
from bpe.kernels.encoding.short_pieces import cache_short, encode_short
from bpe.kernels.runtime.compiler import ONE, ZERO, kernel
from bpe.kernels.runtime.memory import view
from bpe.kernels.scanning.layout import TEXT


@kernel
def grow_short_cache(a: Any) -> int:
    """Move the entries of OLD_SHORT_CACHE to SHORT_CACHE, which is empty and larger."""
    old, table = view(a, OLD_SHORT_CACHE, np.uint64), view(a, SHORT_CACHE, np.uint64)
    last = table.shape[0] - 1
    for k in range(0, old.shape[0], 4):
        if old[k + 1] != 0:
            slot = key_slot(old[k], old[k + 1], a[SHORT_CACHE_SHIFT]) >> 3
            while table[slot + 1] != 0:
                slot = (slot + 4) & last
            for j in range(4):
                table[slot + j] = old[k + j]
    return 0


@kernel
def cache_vocabulary(a: Any, out: np.ndarray) -> int:
    """Add the tokens of the vocabulary to the cache, as pieces.

    TEXT contains them one after another, each ending where TOKEN_ENDS says. With IGNORE_MERGES each has the id in
    TOKEN_IDS, whatever the merges would give; else those of at most LONGEST_KEY bytes are encoded like any piece.
    """
    text, table = view(a, TEXT, np.uint8), view(a, SHORT_CACHE, np.uint64)
    ends, ids, masks = (
        view(a, TOKEN_ENDS, np.int64),
        view(a, TOKEN_IDS, np.int64),
        view(a, KEY_MASKS, np.uint64),
    )
    begin = ZERO
    for k in range(ends.shape[0]):
        end = ends[k]
        if a[IGNORE_MERGES] == 0:
            if end - begin <= LONGEST_KEY:
                encode_short(a, begin, end, out, ZERO)
        else:
            out[0] = ids[k]
            if end - begin <= LONGEST_KEY:
                low, high = key_low(text, begin, end - begin, masks), key_high(text, begin, end - begin, masks)
                slot = key_slot(low, high, a[SHORT_CACHE_SHIFT]) >> 3
                while table[slot + 1] != 0:
                    slot = (slot + 4) & (table.shape[0] - 1)
                cache_short(a, slot << 3, low, high, out, ZERO, ONE)
            else:
                slot, piece = long_slot(a, begin, end)
                cache_long(a, begin, end, slot, piece, out, ZERO, ONE)
        begin = end
    return 0
