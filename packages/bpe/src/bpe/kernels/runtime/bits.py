# ruff: noqa: ARG001, D402
# Numba decides which parameters an intrinsic has, used or not; the first line of a docstring shows the call.
"""Counting and finding the set bits of a 64-bit mask, one machine instruction each.

Reference: `f"{mask:064b}"`.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from bpe.kernels.runtime.memory import I64


@intrinsic
def lowest_bit(typing_context: Any, mask: Any) -> Any:
    """lowest_bit(mask): the position of the lowest set bit; 64 for an empty mask."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


@intrinsic
def highest_bit(typing_context: Any, mask: Any) -> Any:
    """highest_bit(mask): the position of the highest set bit; -1 for an empty mask."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        zeros = builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 0))
        return builder.sub(ir.Constant(I64, 63), zeros)

    return types.int64(types.uint64), generate


@intrinsic
def count_bits(typing_context: Any, mask: Any) -> Any:
    """count_bits(mask): the number of set bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate
