# ruff: noqa: ARG001
# Numba decides which parameters an intrinsic has, used or not.
"""How kernels are compiled: the same rules for all of them.

A kernel is a plain function over arrays and integers. It allocates nothing and raises nothing: the caller provides all
arrays, and errors are returned as numbers. Only then can its machine code be kept in a file and called in another
process without Numba (see `bpe.kernels.loading`).
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

from bpe.kernels.runtime.parts import PartCompiler

ZERO, ONE = np.int64(0), np.int64(1)
"""Integers to pass to kernels: for a literal 0 or 1 Numba would compile the function again, for the literal's type."""

Function = TypeVar("Function", bound=Callable[..., object])


def kernel(function: Function) -> Function:
    """Compile a function that other kernels call; it runs without the global interpreter lock."""
    return _part(function, forceinline=False)


def inlined(function: Function) -> Function:
    """Compile a small function that LLVM inlines into its callers: a call would cost more than its work."""
    return _part(function, forceinline=True)


def _part(function: Function, *, forceinline: bool) -> Function:
    return njit(
        nogil=True,
        error_model="numpy",
        forceinline=forceinline,
        no_cpython_wrapper=True,
        no_cfunc_wrapper=True,
        pipeline_class=PartCompiler,
    )(function)


@intrinsic
def never_inline(typing_context: Any) -> Any:
    """Keep LLVM from inlining the function that calls this, so that it has all registers to itself."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), generate
