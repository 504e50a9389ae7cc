"""The only place of raw addresses: words loaded and stored at any byte, and 64 bytes compared at once.

Everything here is an *intrinsic*: a few lines that tell LLVM what to emit, in portable LLVM IR, so that the same
source becomes AVX-512, AVX2, SSE2 or NEON, whatever the machine has. Nothing here checks a bound. Callers keep to one
rule: **a text buffer has 64 readable bytes after its end, an output buffer 16 writable ones** (`PADDING`).

A *mask* is a uint64 that has bit j set where byte `i + j` of the text has a property. On `text = b"a b"`, padded,

    equals(text, 0, ord(" "))            = 0b010
    between(text, 0, ord("a"), 26)       = 0b101

Textbook twin: the comparisons are `[byte == value for byte in text[i : i + 64]]` and so on; the loads are
`int.from_bytes(text[i : i + 8], "little")`.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

_I8, _I32, _I64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)
_BLOCK, _SIXTEEN = ir.VectorType(_I8, 64), ir.VectorType(_I8, 16)


def _address(context: Any, builder: Any, array_type: Any, array: Any, byte_offset: Any) -> Any:
    """Return the address `byte_offset` bytes into an array's data."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(builder.bitcast(data, _I8.as_pointer()), [byte_offset])


def _splat(builder: Any, byte: Any) -> Any:
    """Return the vector that has `byte` 64 times."""
    vector = builder.insert_element(ir.Constant(_BLOCK, ir.Undefined), byte, ir.Constant(_I32, 0))
    zeros = ir.Constant(ir.VectorType(_I32, 64), [0] * 64)
    return builder.shuffle_vector(vector, ir.Constant(_BLOCK, ir.Undefined), zeros)


def _block(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    """Load 64 bytes."""
    address = builder.bitcast(_address(context, builder, array_type, array, index), _BLOCK.as_pointer())
    return builder.load(address, align=1)


def _mask(builder: Any, comparison: Any) -> Any:
    return builder.bitcast(comparison, _I64)


@intrinsic
def equals(typing_context: Any, text: Any, i: Any, value: Any) -> Any:
    """equals(text, i, value): the mask of `text[i + j] == value`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = _block(context, builder, signature.args[0], arguments[0], arguments[1])
        byte = builder.trunc(arguments[2], _I8)
        return _mask(builder, builder.icmp_unsigned("==", block, _splat(builder, byte)))

    return types.uint64(text, types.int64, types.int64), generate


@intrinsic
def between(typing_context: Any, text: Any, i: Any, low: Any, count: Any) -> Any:
    """between(text, i, low, count): the mask of `low <= text[i + j] < low + count`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = _block(context, builder, signature.args[0], arguments[0], arguments[1])
        shifted = builder.sub(block, _splat(builder, builder.trunc(arguments[2], _I8)))
        limit = _splat(builder, builder.trunc(arguments[3], _I8))
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


@intrinsic
def load_word(typing_context: Any, array: Any, offset: Any) -> Any:
    """load_word(array, offset): the 8 bytes at byte `offset` as a little-endian uint64, aligned or not."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature.args[0], arguments[0], arguments[1])
        return builder.load(builder.bitcast(address, _I64.as_pointer()), align=1)

    return types.uint64(array, types.int64), generate


@intrinsic
def store_word(typing_context: Any, array: Any, offset: Any, word: Any) -> Any:
    """store_word(array, offset, word): write a uint64 at byte `offset`, aligned or not."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature.args[0], arguments[0], arguments[1])
        builder.store(arguments[2], builder.bitcast(address, _I64.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(array, types.int64, types.uint64), generate


@intrinsic
def offset_of(typing_context: Any, array: Any, i: Any) -> Any:
    """offset_of(array, i): the byte at which item i begins; the size of items is known when this is compiled."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.mul(arguments[1], ir.Constant(_I64, signature.args[0].dtype.bitwidth // 8))

    return types.int64(array, types.int64), generate


@intrinsic
def item_bits(typing_context: Any, array: Any) -> Any:
    """item_bits(array): how many bits an item has, known when this is compiled."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return ir.Constant(_I64, signature.args[0].dtype.bitwidth)

    return types.int64(array), generate


@intrinsic
def copy_16(typing_context: Any, source: Any, p: Any, target: Any, q: Any) -> Any:
    """copy_16(source, p, target, q): copy 16 bytes from byte p to byte q."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        read = _address(context, builder, signature.args[0], arguments[0], arguments[1])
        written = _address(context, builder, signature.args[2], arguments[2], arguments[3])
        value = builder.load(builder.bitcast(read, _SIXTEEN.as_pointer()), align=1)
        builder.store(value, builder.bitcast(written, _SIXTEEN.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(source, types.int64, target, types.int64), generate


@intrinsic
def equal_16(typing_context: Any, a: Any, p: Any, b: Any, q: Any) -> Any:
    """equal_16(a, p, b, q): whether the 16 bytes at byte p of a are those at byte q of b."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        left = _address(context, builder, signature.args[0], arguments[0], arguments[1])
        right = _address(context, builder, signature.args[2], arguments[2], arguments[3])
        loaded = [builder.load(builder.bitcast(x, _SIXTEEN.as_pointer()), align=1) for x in (left, right)]
        differs = builder.icmp_unsigned("!=", *loaded)
        return builder.icmp_unsigned("==", builder.bitcast(differs, ir.IntType(16)), ir.Constant(ir.IntType(16), 0))

    return types.boolean(a, types.int64, b, types.int64), generate


@intrinsic
def load_int(typing_context: Any, array: Any, i: Any) -> Any:
    """load_int(array, i): the i-th uint32, without a question whether i counts from the end."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        offset = builder.shl(arguments[1], ir.Constant(_I64, 2))
        address = _address(context, builder, signature.args[0], arguments[0], offset)
        return builder.zext(builder.load(builder.bitcast(address, _I32.as_pointer()), align=1), _I64)

    return types.int64(array, types.int64), generate


@intrinsic
def store_int(typing_context: Any, array: Any, i: Any, value: Any) -> Any:
    """store_int(array, i, value): write the i-th uint32, without a question whether i counts from the end."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        offset = builder.shl(arguments[1], ir.Constant(_I64, 2))
        address = _address(context, builder, signature.args[0], arguments[0], offset)
        builder.store(builder.trunc(arguments[2], _I32), builder.bitcast(address, _I32.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(array, types.int64, types.int64), generate


@intrinsic
def prefetch(typing_context: Any, array: Any, offset: Any) -> Any:
    """prefetch(array, offset): ask for the cache line of the byte at `offset`, without waiting for it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature.args[0], arguments[0], arguments[1])
        function_type = ir.FunctionType(ir.VoidType(), [_I8.as_pointer(), _I32, _I32, _I32])
        function = cgutils.get_or_insert_function(builder.module, function_type, "llvm.prefetch.p0")
        builder.call(function, [address, ir.Constant(_I32, 0), ir.Constant(_I32, 3), ir.Constant(_I32, 1)])
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


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
        return builder.sub(ir.Constant(_I64, 63), zeros)

    return types.int64(types.uint64), generate


@intrinsic
def count_bits(typing_context: Any, mask: Any) -> Any:
    """count_bits(mask): how many bits are set."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


@intrinsic
def view(typing_context: Any, arguments: Any, k: Any, item: Any) -> Any:
    """view(arguments, k, item): the array of such items whose address and length are `arguments[k]` and the next.

    It has no owner, so kernels pass it around without counting references, which in threads would cost a locked
    instruction each. Whoever calls a kernel keeps the arrays alive (`bpe.compiled.calling.Arguments`).
    """
    array_type = types.Array(item.dtype, 1, "C")

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        numbers = context.make_array(signature.args[0])(context, builder, values[0]).data
        address = builder.load(builder.gep(numbers, [values[1]]))
        length = builder.load(builder.gep(numbers, [builder.add(values[1], ir.Constant(_I64, 1))]))
        array = context.make_array(array_type)(context, builder)
        item_bytes = ir.Constant(_I64, context.get_abi_sizeof(context.get_data_type(array_type.dtype)))
        data = builder.inttoptr(address, array.data.type)
        populate_array(
            array, data=data, shape=[length], strides=[item_bytes], itemsize=item_bytes, meminfo=None, parent=None
        )
        return array._getvalue()

    return array_type(arguments, types.int64, item), generate
