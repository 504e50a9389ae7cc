"""What happens to a cache besides look-ups: it is filled with the vocabulary at first, and moves when it gets full.

Most pieces of natural text are single tokens, so a cache that knows every short token of the vocabulary beforehand
merges little. And a table that is half full moves into one of twice the size, between two chunks of text.

Textbook twin: a dictionary does both by itself.
"""

from typing import Any

import numpy as np

from bpe.kernels import layout
from bpe.kernels.compiler import ONE, ZERO, kernel
from bpe.kernels.layout import LONGEST_KEY
from bpe.kernels.long_pieces import long_place, remember_long
from bpe.kernels.memory import view
from bpe.kernels.pieces import encode_short, key_high, key_low, key_place, remember_short


@kernel
def grow_table(a: Any) -> int:
    """Move what OLD_TABLE holds into TABLE, which is empty and larger."""
    old, table = view(a, layout.OLD_TABLE, np.uint64), view(a, layout.TABLE, np.uint64)
    last = table.shape[0] - 1
    for k in range(0, old.shape[0], 4):
        if old[k + 1] != 0:
            place = key_place(old[k], old[k + 1], a[layout.SHIFT]) >> 3
            while table[place + 1] != 0:
                place = (place + 4) & last
            for j in range(4):
                table[place + j] = old[k + j]
    return 0


@kernel
def learn_vocabulary(a: Any, out: np.ndarray) -> int:
    """Enter the tokens of the vocabulary into the cache, as pieces.

    TEXT holds them one after another, LENGTH of them, each ending where LINKS says. If TAKEN_WHOLE is set, each stands
    for the id that VALUES gives, whatever the merges make of its bytes; else it is encoded as any piece is, if it is
    short.
    """
    text, table = view(a, layout.TEXT, np.uint8), view(a, layout.TABLE, np.uint64)
    ends, ids, masks = (
        view(a, layout.ENDS, np.int64),
        view(a, layout.WHOLE, np.int64),
        view(a, layout.KEY_MASKS, np.uint64),
    )
    begin = ZERO
    for k in range(ends.shape[0]):
        end = ends[k]
        if a[layout.TAKEN_WHOLE] == 0:
            if end - begin <= LONGEST_KEY:
                encode_short(a, begin, end, out, ZERO)
        else:
            out[0] = ids[k]
            if end - begin <= LONGEST_KEY:
                low, high = key_low(text, begin, end - begin, masks), key_high(text, begin, end - begin, masks)
                place = key_place(low, high, a[layout.SHIFT]) >> 3
                while table[place + 1] != 0:
                    place = (place + 4) & (table.shape[0] - 1)
                remember_short(a, place << 3, low, high, out, ZERO, ONE)
            else:
                place, piece = long_place(a, begin, end)
                remember_long(a, begin, end, place, piece, out, ZERO, ONE)
        begin = end
    return 0
