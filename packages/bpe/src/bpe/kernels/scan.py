"""Which scanner serves which pattern."""

from typing import Any

import numpy as np

from bpe.kernels import layout
from bpe.kernels.compiler import kernel
from bpe.kernels.memory import view
from bpe.kernels.scan_cl100k import scan_cl100k
from bpe.kernels.scan_gpt2 import scan_gpt2
from bpe.kernels.scan_o200k import scan_o200k


@kernel
def scan(a: Any, begin: int, end: int) -> int:
    """Find the pieces of the bytes from `begin` to `end` and write STARTS, whose bit i stands for byte `begin + i`.

    Returns:
        -1, or a byte in or before which the text is not UTF-8.
    """
    text, table = view(a, layout.TEXT, np.uint8), view(a, layout.CLASS_TABLE, np.uint8)
    starts, masks = view(a, layout.STARTS, np.uint64), view(a, layout.MASKS, np.uint64)
    state = view(a, layout.STATE, np.uint64)
    if a[layout.PATTERN] == layout.GPT2:
        return scan_gpt2(text, begin, end, table, starts, masks, state)
    if a[layout.PATTERN] == layout.CL100K:
        return scan_cl100k(text, begin, end, table, starts, masks, state)
    if a[layout.PATTERN] == layout.O200K:
        return scan_o200k(text, begin, end, table, starts, masks, state)
    return -1
