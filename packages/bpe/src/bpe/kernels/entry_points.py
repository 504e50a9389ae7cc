"""The kernels that Python calls.

Each takes one argument, the address of an array of integers (`bpe.kernels.runtime.layout`).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import carray, cfunc, types
from numba.core.event import Listener, install_listener

from bpe.kernels.encoding.encode import encode_chunk
from bpe.kernels.encoding.growth import cache_vocabulary, grow_short_cache
from bpe.kernels.encoding.layout import ENCODE, FILL_PAIR_VALUES, NUM_ENCODING_ARGUMENTS, OUT
from bpe.kernels.encoding.merge import fill_pair_values
from bpe.kernels.runtime.layout import TASK
from bpe.kernels.runtime.linking import NEVER_CALLED
from bpe.kernels.runtime.memory import view
from bpe.kernels.training.layout import NUM_TRAINING_ARGUMENTS
from bpe.kernels.training.tasks import do_task

_SIGNATURE = types.int64(types.CPointer(types.int64))

_FROM_PYTHON_AND_LLVM = ("Py", "_Py", "llvm.")
_FROM_C = {"memcpy", "memmove", "memset", "memcmp", "bcmp"}


def tables(address: Any) -> int:
    """Fill the tables that all threads share, or move a cache to a larger table."""
    a = carray(address, NUM_ENCODING_ARGUMENTS)
    return fill_pair_values(a) if a[TASK] == FILL_PAIR_VALUES else grow_short_cache(a)


def encode16(address: Any) -> int:
    """Encode a chunk, or add the vocabulary to the cache; ids have 16 bits."""
    a = carray(address, NUM_ENCODING_ARGUMENTS)
    out = view(a, OUT, np.uint16)
    return encode_chunk(a, out) if a[TASK] == ENCODE else cache_vocabulary(a, out)


def encode32(address: Any) -> int:
    """Encode a chunk, or add the vocabulary to the cache; ids have 32 bits."""
    a = carray(address, NUM_ENCODING_ARGUMENTS)
    out = view(a, OUT, np.uint32)
    return encode_chunk(a, out) if a[TASK] == ENCODE else cache_vocabulary(a, out)


def train(address: Any) -> int:
    """Count pieces or learn merges, depending on TASK; see `bpe.kernels.training.layout`."""
    return do_task(carray(address, NUM_TRAINING_ARGUMENTS))


ENTRY_POINTS = {function.__name__: function for function in (tables, encode16, encode32, train)}


def compile_entry_point(name: str, report: Callable[[], object] = lambda: None) -> Any:
    """Compile an entry point to a function that C could call.

    Args:
        name: its name.
        report: called after each function that it consists of.
    """
    with install_listener("numba:compile", _Listener(report)):
        return cfunc(_SIGNATURE)(ENTRY_POINTS[name])


class _Listener(Listener):  # type: ignore[misc]
    """Calls a function whenever Numba has compiled one."""

    def __init__(self, report: Callable[[], object]) -> None:
        self._report = report

    def on_start(self, event: Any) -> None:
        """Do nothing."""

    def on_end(self, event: Any) -> None:  # noqa: ARG002  # an interface of Numba
        """Report."""
        self._report()


def object_code(compiled: Any) -> bytes | None:
    """Return the object code of a compiled entry point, or None if another process could not link it.

    It may call functions of Python and of C, which every process has. What Numba would call to free memory or to raise
    an exception is never reached, since kernels do neither. Numba's library objects are not part of its public
    interface: if they change, kernels are compiled again in each process.
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
