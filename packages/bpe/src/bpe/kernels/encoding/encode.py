"""From a chunk of text to ids: special tokens are found, the text between them is scanned and encoded.

    "to be<|endoftext|>or"   ->   [scan "to be", encode its pieces]  50256  [scan "or", encode its piece]

Reference: `bpe.Tokenizer.encode`.
"""

from typing import Any

import numpy as np

from bpe.kernels.encoding.layout import TEXT_LENGTH
from bpe.kernels.encoding.pieces import encode_pieces
from bpe.kernels.runtime.compiler import ZERO, kernel
from bpe.kernels.runtime.memory import view
from bpe.kernels.scanning.layout import NOT_UTF8, SPECIAL_IDS, SPECIAL_OFFSETS, TEXT
from bpe.kernels.scanning.scan import scan
from bpe.kernels.scanning.special import find_special, special_at


@kernel
def encode_chunk(a: Any, out: np.ndarray) -> int:
    """Encode a text that begins and ends at places where the whole text may be cut.

    Args:
        a: the arguments, see `bpe.kernels.encoding.layout`: TEXT of TEXT_LENGTH bytes.
        out: OUT, whose type gives the width of ids.

    Returns:
        The number of ids, or `NOT_UTF8 - p` where the text is not UTF-8 in or before byte p.
    """
    text, n = view(a, TEXT, np.uint8), a[TEXT_LENGTH]
    offsets, ids = view(a, SPECIAL_OFFSETS, np.int64), view(a, SPECIAL_IDS, np.int64)
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
