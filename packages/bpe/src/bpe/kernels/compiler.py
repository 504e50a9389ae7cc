"""How kernels are compiled: the same rules for all of them.

A kernel is a plain function over arrays and integers. It allocates nothing and raises nothing: what it needs it is
given, and what went wrong it returns as a number. Only then can its machine code be kept in a file and be called in
another process without Numba (see `bpe.kernels.loading`).
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

ZERO, ONE = np.int64(0), np.int64(1)
"""Numbers as arguments: for a bare 0 or 1 Numba would compile the function that takes it once more."""

Function = TypeVar("Function", bound=Callable[..., object])


def kernel(function: Function) -> Function:
    """Compile a function that other kernels call; it runs without Python's global lock."""
    return njit(nogil=True, error_model="numpy")(function)


def inlined(function: Function) -> Function:
    """Compile a small function that LLVM puts into its callers: a call would cost more than what it does."""
    return njit(nogil=True, error_model="numpy", forceinline=True)(function)


@intrinsic
def stay_apart(typing_context: Any) -> Any:
    """Keep LLVM from putting the function that says this into its callers, so that it has all registers to itself."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), generate
