"""From a chunk of text to ids: special tokens are found, what lies between them is scanned and encoded.

    "to be<|endoftext|>or"   ->   [scan "to be", encode its pieces]  50256  [scan "or", encode its piece]

Textbook twin: `Tokenizer.encode`.
"""

from typing import Any

import numpy as np

from bpe.kernels import layout
from bpe.kernels.compiler import ZERO, kernel
from bpe.kernels.memory import view
from bpe.kernels.pieces import encode_pieces
from bpe.kernels.scan import scan
from bpe.kernels.special import find_special, special_at

NOT_UTF8 = -1
"""What `encode_chunk` returns less the byte in or before which the text is not UTF-8."""


@kernel
def encode_chunk(a: Any, out: np.ndarray) -> int:
    """Encode a text that begins and ends at places where the whole text may be cut.

    Args:
        a: the arguments, see `bpe.kernels.layout`: TEXT of LENGTH bytes.
        out: OUT, whose type tells how wide ids are.

    Returns:
        The number of ids, or `NOT_UTF8 - p` where the text is not UTF-8 in or before byte p.
    """
    text, n = view(a, layout.TEXT, np.uint8), a[layout.LENGTH]
    offsets, ids = view(a, layout.SPECIAL_OFFSETS, np.int64), view(a, layout.SPECIAL_IDS, np.int64)
    p = cursor = ZERO
    while p < n:
        q = find_special(text, p, n, a)
        if q > p:
            bad = scan(a, p, q)
            if bad >= 0:
                return NOT_UTF8 - bad
            cursor = encode_pieces(a, p, q, out, cursor)
        if q < n:
            k = special_at(text, q, n, a)
            out[cursor] = ids[k]
            cursor += 1
            q += offsets[k + 1] - offsets[k]
        p = q
    return cursor
