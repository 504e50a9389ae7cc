"""How kernels are compiled: one decorator, so that all of them have the same rules.

A kernel is a plain function over arrays and integers. It allocates nothing and raises nothing: what it needs it is
given, and what went wrong it returns as a number.
"""

from collections.abc import Callable
from typing import TypeVar

from numba import njit

Function = TypeVar("Function", bound=Callable[..., object])


def kernel(function: Function) -> Function:
    """Compile a function that other kernels call; it runs without Python's global lock."""
    return njit(nogil=True, cache=True, error_model="numpy")(function)


def inlined(function: Function) -> Function:
    """Compile a small function that LLVM puts into its callers: a call would cost more than what it does."""
    return njit(nogil=True, cache=True, error_model="numpy", forceinline=True)(function)
