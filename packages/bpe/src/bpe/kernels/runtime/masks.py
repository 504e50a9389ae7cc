# ruff: noqa: ARG001, D402
# Numba decides which parameters an intrinsic has, used or not; the first line of a docstring shows the call.
"""Comparing 64 bytes of a text at once.

A *mask* is a uint64 that has bit j set where byte `i + j` of the text has a property. On `text = b"a b"`, padded:

    equals(text, 0, ord(" "))            = 0b010
    between(text, 0, ord("a"), 26)       = 0b101

These are intrinsics like those of `memory`, and no bound is checked: a text has PADDING readable bytes after its end.

Reference: `[byte == value for byte in text[i : i + 64]]`, and so on.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from bpe.kernels.runtime.memory import I8, I32, I64, byte_address

_BLOCK = ir.VectorType(I8, 64)


def _splat(builder: Any, byte: Any) -> Any:
    """Emit the vector of 64 times `byte`."""
    vector = builder.insert_element(ir.Constant(_BLOCK, ir.Undefined), byte, ir.Constant(I32, 0))
    zeros = ir.Constant(ir.VectorType(I32, 64), [0] * 64)
    return builder.shuffle_vector(vector, ir.Constant(_BLOCK, ir.Undefined), zeros)


def _block(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    """Emit a load of 64 bytes."""
    address = builder.bitcast(byte_address(context, builder, array_type, array, index), _BLOCK.as_pointer())
    return builder.load(address, align=1)


def _mask(builder: Any, comparison: Any) -> Any:
    """Emit the conversion of 64 truth values to an integer."""
    return builder.bitcast(comparison, I64)


@intrinsic
def equals(typing_context: Any, text: Any, i: Any, value: Any) -> Any:
    """equals(text, i, value): the mask of `text[i + j] == value`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = _block(context, builder, signature.args[0], arguments[0], arguments[1])
        byte = builder.trunc(arguments[2], I8)
        return _mask(builder, builder.icmp_unsigned("==", block, _splat(builder, byte)))

    return types.uint64(text, types.int64, types.int64), generate


@intrinsic
def between(typing_context: Any, text: Any, i: Any, low: Any, count: Any) -> Any:
    """between(text, i, low, count): the mask of `low <= text[i + j] < low + count`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = _block(context, builder, signature.args[0], arguments[0], arguments[1])
        shifted = builder.sub(block, _splat(builder, builder.trunc(arguments[2], I8)))
        limit = _splat(builder, builder.trunc(arguments[3], I8))
        return _mask(builder, builder.icmp_unsigned("<", shifted, limit))

    return types.uint64(text, types.int64, types.int64, types.int64), generate


@intrinsic
def ascii_letters(typing_context: Any, text: Any, i: Any) -> Any:
    """ascii_letters(text, i): the mask of A–Z and a–z, which differ in one bit."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = _block(context, builder, signature.args[0], arguments[0], arguments[1])
        lower = builder.or_(block, ir.Constant(_BLOCK, [0x20] * 64))
        shifted = builder.sub(lower, ir.Constant(_BLOCK, [ord("a")] * 64))
        return _mask(builder, builder.icmp_unsigned("<", shifted, ir.Constant(_BLOCK, [26] * 64)))

    return types.uint64(text, types.int64), generate
