# ruff: noqa: ARG001, D402
# Numba decides which parameters an intrinsic has, used or not; the first line of a docstring shows the call.
"""Raw memory: words loaded and stored at any byte, arrays at any address.

Everything here is an *intrinsic*: a few lines that emit LLVM IR. The IR is portable, so the same source becomes
AVX-512, AVX2, SSE2 or NEON, whatever the machine has. Nothing here checks a bound. Callers keep to one rule: **a text
buffer has 64 readable bytes after its end, an output buffer 16 writable ones** (`PADDING`). Raw addresses are used in
this module and in `masks`, and nowhere else.

Reference: `int.from_bytes(text[i : i + 8], "little")` for a load, and so on.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

I8, I32, I64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)
_SIXTEEN = ir.VectorType(I8, 16)


def byte_address(context: Any, builder: Any, array_type: Any, array: Any, byte_offset: Any) -> Any:
    """Emit the address `byte_offset` bytes into an array's data."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(builder.bitcast(data, I8.as_pointer()), [byte_offset])


@intrinsic
def load_word(typing_context: Any, array: Any, offset: Any) -> Any:
    """load_word(array, offset): the 8 bytes at byte `offset` as a little-endian uint64, aligned or not."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = byte_address(context, builder, signature.args[0], arguments[0], arguments[1])
        return builder.load(builder.bitcast(address, I64.as_pointer()), align=1)

    return types.uint64(array, types.int64), generate


@intrinsic
def store_word(typing_context: Any, array: Any, offset: Any, word: Any) -> Any:
    """store_word(array, offset, word): write a uint64 at byte `offset`, aligned or not."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = byte_address(context, builder, signature.args[0], arguments[0], arguments[1])
        builder.store(arguments[2], builder.bitcast(address, I64.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(array, types.int64, types.uint64), generate


@intrinsic
def load_int(typing_context: Any, array: Any, i: Any) -> Any:
    """load_int(array, i): the i-th uint32, without Numba's test whether i is negative."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        offset = builder.shl(arguments[1], ir.Constant(I64, 2))
        address = byte_address(context, builder, signature.args[0], arguments[0], offset)
        return builder.zext(builder.load(builder.bitcast(address, I32.as_pointer()), align=1), I64)

    return types.int64(array, types.int64), generate


@intrinsic
def store_int(typing_context: Any, array: Any, i: Any, value: Any) -> Any:
    """store_int(array, i, value): write the i-th uint32, without Numba's test whether i is negative."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        offset = builder.shl(arguments[1], ir.Constant(I64, 2))
        address = byte_address(context, builder, signature.args[0], arguments[0], offset)
        builder.store(builder.trunc(arguments[2], I32), builder.bitcast(address, I32.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(array, types.int64, types.int64), generate


@intrinsic
def copy_16(typing_context: Any, source: Any, p: Any, target: Any, q: Any) -> Any:
    """copy_16(source, p, target, q): copy 16 bytes from byte p to byte q."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        read = byte_address(context, builder, signature.args[0], arguments[0], arguments[1])
        written = byte_address(context, builder, signature.args[2], arguments[2], arguments[3])
        value = builder.load(builder.bitcast(read, _SIXTEEN.as_pointer()), align=1)
        builder.store(value, builder.bitcast(written, _SIXTEEN.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(source, types.int64, target, types.int64), generate


@intrinsic
def equal_16(typing_context: Any, a: Any, p: Any, b: Any, q: Any) -> Any:
    """equal_16(a, p, b, q): whether the 16 bytes at byte p of a are those at byte q of b."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        left = byte_address(context, builder, signature.args[0], arguments[0], arguments[1])
        right = byte_address(context, builder, signature.args[2], arguments[2], arguments[3])
        loaded = [builder.load(builder.bitcast(x, _SIXTEEN.as_pointer()), align=1) for x in (left, right)]
        differs = builder.icmp_unsigned("!=", *loaded)
        return builder.icmp_unsigned("==", builder.bitcast(differs, ir.IntType(16)), ir.Constant(ir.IntType(16), 0))

    return types.boolean(a, types.int64, b, types.int64), generate


@intrinsic
def offset_of(typing_context: Any, array: Any, i: Any) -> Any:
    """offset_of(array, i): the byte at which item i begins; the size of items is known when this is compiled."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.mul(arguments[1], ir.Constant(I64, signature.args[0].dtype.bitwidth // 8))

    return types.int64(array, types.int64), generate


@intrinsic
def item_bits(typing_context: Any, array: Any) -> Any:
    """item_bits(array): the number of bits of an item, known when this is compiled."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return ir.Constant(I64, signature.args[0].dtype.bitwidth)

    return types.int64(array), generate


@intrinsic
def prefetch(typing_context: Any, array: Any, offset: Any) -> Any:
    """prefetch(array, offset): load the cache line of the byte at `offset` into the cache, without waiting for it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = byte_address(context, builder, signature.args[0], arguments[0], arguments[1])
        function_type = ir.FunctionType(ir.VoidType(), [I8.as_pointer(), I32, I32, I32])
        function = cgutils.get_or_insert_function(builder.module, function_type, "llvm.prefetch.p0")
        builder.call(function, [address, ir.Constant(I32, 0), ir.Constant(I32, 3), ir.Constant(I32, 1)])
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


@intrinsic
def view(typing_context: Any, arguments: Any, k: Any, item: Any) -> Any:
    """view(arguments, k, item): the array of such items at address `arguments[k]`, of length `arguments[k + 1]`.

    It has no owner, so kernels pass it around without counting references, which would cost an atomic instruction each
    time. The caller of a kernel keeps the arrays alive (`bpe.compiled.calling.Arguments`).
    """
    array_type = types.Array(item.dtype, 1, "C")

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        numbers = context.make_array(signature.args[0])(context, builder, values[0]).data
        address = builder.load(builder.gep(numbers, [values[1]]))
        length = builder.load(builder.gep(numbers, [builder.add(values[1], ir.Constant(I64, 1))]))
        array = context.make_array(array_type)(context, builder)
        item_bytes = ir.Constant(I64, context.get_abi_sizeof(context.get_data_type(array_type.dtype)))
        data = builder.inttoptr(address, array.data.type)
        populate_array(
            array, data=data, shape=[length], strides=[item_bytes], itemsize=item_bytes, meminfo=None, parent=None
        )
        return array._getvalue()

    return array_type(arguments, types.int64, item), generate
