"""The kernels that Python calls, each with one argument: the address of an array of integers (`bpe.kernels.layout`)."""

from typing import Any

import numpy as np
from numba import carray, cfunc, types

from bpe.kernels import layout, training_layout
from bpe.kernels.encode import encode_chunk
from bpe.kernels.growth import grow_table, learn_vocabulary
from bpe.kernels.layout import ENCODE, FILL_PAIRS, NUM_ARGUMENTS, OUT, TASK
from bpe.kernels.loading import NEVER_CALLED
from bpe.kernels.memory import view
from bpe.kernels.merge import fill_pairs
from bpe.kernels.train import do_task

_SIGNATURE = types.int64(types.CPointer(types.int64))

_FROM_PYTHON_AND_LLVM = ("Py", "_Py", "llvm.")
_FROM_C = {"memcpy", "memmove", "memset", "memcmp", "bcmp"}


def tables(address: Any) -> int:
    """Fill the tables that all threads share, or move a cache into a larger table."""
    a = carray(address, NUM_ARGUMENTS)
    return fill_pairs(a) if a[TASK] == FILL_PAIRS else grow_table(a)


def encode16(address: Any) -> int:
    """Encode a chunk, or enter the vocabulary into the cache; ids have 16 bits."""
    a = carray(address, NUM_ARGUMENTS)
    out = view(a, OUT, np.uint16)
    return encode_chunk(a, out) if a[TASK] == ENCODE else learn_vocabulary(a, out)


def encode32(address: Any) -> int:
    """Encode a chunk, or enter the vocabulary into the cache; ids have 32 bits."""
    a = carray(address, NUM_ARGUMENTS)
    out = view(a, OUT, np.uint32)
    return encode_chunk(a, out) if a[TASK] == ENCODE else learn_vocabulary(a, out)


def train(address: Any) -> int:
    """Count pieces or learn merges, as TASK says; see `bpe.kernels.training_layout`."""
    return do_task(carray(address, training_layout.NUM_ARGUMENTS))


ENTRY_POINTS = {function.__name__: function for function in (tables, encode16, encode32, train)}


def compile_entry_point(name: str) -> Any:
    """Compile an entry point into a function that C could call."""
    return cfunc(_SIGNATURE)(ENTRY_POINTS[name])


def object_code(compiled: Any) -> bytes | None:
    """Return the object code of a compiled entry point, or None if another process could not link it.

    It may call functions of Python and of C, which every process has. What Numba would call to give back memory or to
    raise an exception is never reached, since kernels do neither. Numba's library objects are not part of its public
    interface: where they change, kernels are compiled anew in each process.
    """
    try:
        module = compiled._library._final_module
        declared = {function.name for function in module.functions if function.is_declaration}
        needed = {name for name in declared if not name.startswith(_FROM_PYTHON_AND_LLVM)}
        if needed - _FROM_C - NEVER_CALLED:
            return None
        code: bytes = compiled._library._get_compiled_object()
    except (AttributeError, RuntimeError):
        return None
    return code


__all__ = ["ENTRY_POINTS", "compile_entry_point", "layout", "object_code"]
