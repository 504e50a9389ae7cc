"""Choosing the scanner for a pattern, and what splits its pieces again."""

from typing import Any

import numpy as np

from bpe.kernels.runtime.compiler import kernel
from bpe.kernels.runtime.memory import view
from bpe.kernels.scanning.automaton import scan_automaton
from bpe.kernels.scanning.byte_steps import split_bytes
from bpe.kernels.scanning.gpt2 import scan_gpt2
from bpe.kernels.scanning.layout import (
    AUTOMATON,
    CLASS_TABLE,
    GPT2,
    MASKS,
    PATTERN,
    SPLITTING_BYTES,
    STARTS,
    STATE,
    TEXT,
)


@kernel
def scan(a: Any, begin: int, end: int) -> int:
    """Find the pieces of the bytes from `begin` to `end` and write STARTS, whose bit i represents byte `begin + i`.

    Returns:
        -1, or a byte in or before which the text is not UTF-8.
    """
    bad = -1
    if a[PATTERN] == AUTOMATON:
        bad = scan_automaton(a, begin, end)
    elif a[PATTERN] == GPT2:
        text, table = view(a, TEXT, np.uint8), view(a, CLASS_TABLE, np.uint8)
        starts, masks, state = view(a, STARTS, np.uint64), view(a, MASKS, np.uint64), view(a, STATE, np.uint64)
        bad = scan_gpt2(text, begin, end, table, starts, masks, state)
    if bad == -1 and view(a, SPLITTING_BYTES, np.uint8).shape[0] > 0:
        split_bytes(a, begin, end)
    return bad
