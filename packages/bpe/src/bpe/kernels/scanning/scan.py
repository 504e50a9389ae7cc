"""Choosing the scanner for a pattern."""

from typing import Any

import numpy as np

from bpe.kernels.runtime.compiler import kernel
from bpe.kernels.runtime.memory import view
from bpe.kernels.scanning.cl100k import scan_cl100k
from bpe.kernels.scanning.gpt2 import scan_gpt2
from bpe.kernels.scanning.layout import CL100K, CLASS_TABLE, GPT2, MASKS, O200K, PATTERN, STARTS, STATE, TEXT
from bpe.kernels.scanning.o200k import scan_o200k


@kernel
def scan(a: Any, begin: int, end: int) -> int:
    """Find the pieces of the bytes from `begin` to `end` and write STARTS, whose bit i represents byte `begin + i`.

    Returns:
        -1, or a byte in or before which the text is not UTF-8.
    """
    text, table = view(a, TEXT, np.uint8), view(a, CLASS_TABLE, np.uint8)
    starts, masks = view(a, STARTS, np.uint64), view(a, MASKS, np.uint64)
    state = view(a, STATE, np.uint64)
    if a[PATTERN] == GPT2:
        return scan_gpt2(text, begin, end, table, starts, masks, state)
    if a[PATTERN] == CL100K:
        return scan_cl100k(text, begin, end, table, starts, masks, state)
    if a[PATTERN] == O200K:
        return scan_o200k(text, begin, end, table, starts, masks, state)
    return -1
