"""Every intrinsic of `memory`, `masks` and `bits` against a line of plain Python, at every offset."""

import random

import numpy as np
import pytest
from hypothesis import given, strategies as st

pytest.importorskip("numba", reason="needs numba")
from numba import njit

from bpe.kernels.runtime import bits, masks, memory
from bpe.kernels.runtime.layout import PADDING
from bpe.kernels.runtime.memory import view

DATA = bytes(random.Random(0).choices([*b"azAZ@[`{ \t'", 0, 0x7F, 0x80, 0xBF, 0xC2, 0xFF], k=300))
WORD = (1 << 64) - 1
words = st.integers(0, WORD) | st.integers(0, 64).map(lambda k: (1 << k) - 1) | st.integers(0, 63).map(lambda k: 1 << k)
offsets = st.integers(0, len(DATA) - 64)


def mask(values):
    return sum(1 << j for j, value in enumerate(values) if value)


@pytest.fixture(scope="module")
def compiled():
    """The intrinsics as Python functions."""

    @njit
    def equals(text, i, value):
        return masks.equals(text, i, value)

    @njit
    def between(text, i, low, count):
        return masks.between(text, i, low, count)

    @njit
    def ascii_letters(text, i):
        return masks.ascii_letters(text, i)

    @njit
    def load_word(array, offset):
        return memory.load_word(array, offset)

    @njit
    def store_word(array, offset, word):
        memory.store_word(array, offset, word)

    @njit
    def offset_of(array, i):
        return memory.offset_of(array, i)

    @njit
    def item_bits(array):
        return memory.item_bits(array)

    @njit
    def copy_16(source, p, target, q):
        memory.copy_16(source, p, target, q)

    @njit
    def equal_16(a, p, b, q):
        return memory.equal_16(a, p, b, q)

    @njit
    def load_int(array, i):
        return memory.load_int(array, i)

    @njit
    def store_int(array, i, value):
        memory.store_int(array, i, value)

    @njit
    def prefetch(array, offset):
        memory.prefetch(array, offset)

    @njit
    def lowest_bit(word):
        return bits.lowest_bit(word)

    @njit
    def highest_bit(word):
        return bits.highest_bit(word)

    @njit
    def count_bits(word):
        return bits.count_bits(word)

    @njit
    def view_sum(arguments, k):
        total = 0
        for item in view(arguments, k, np.uint16):
            total += item
        return total

    return dict(locals())


@pytest.fixture(scope="module")
def text():
    return np.frombuffer(DATA + bytes(PADDING), np.uint8)


@given(i=offsets, value=st.integers(0, 255), count=st.integers(0, 255))
def test_masks_of_64_bytes(compiled, text, i, value, count):
    block = DATA[i : i + 64]
    assert compiled["equals"](text, i, value) == mask(byte == value for byte in block)
    assert compiled["equals"](text, i, block[7]) == mask(byte == block[7] for byte in block)
    assert compiled["ascii_letters"](text, i) == mask(chr(byte).isalpha() and byte < 0x80 for byte in block)
    if value + count <= 256:
        assert compiled["between"](text, i, value, count) == mask(value <= byte < value + count for byte in block)


@given(i=offsets, word=words)
def test_words_at_any_offset(compiled, text, i, word):
    assert compiled["load_word"](text, i) == int.from_bytes(DATA[i : i + 8], "little")
    written = np.array(text)
    compiled["store_word"](written, i, np.uint64(word))
    assert written.tobytes() == DATA[:i] + word.to_bytes(8, "little") + DATA[i + 8 :] + bytes(PADDING)
    assert (
        compiled["load_word"](written.view(np.uint32), i) == word
    )  # offsets are in bytes, whatever the type of the items


@given(p=offsets, q=offsets)
def test_sixteen_bytes_at_a_time(compiled, text, p, q):
    written = np.array(text)
    compiled["copy_16"](text, p, written, q)
    assert written.tobytes() == DATA[:q] + DATA[p : p + 16] + DATA[q + 16 :] + bytes(PADDING)
    assert compiled["equal_16"](text, p, written, q)
    for k in range(16):
        written[q + k] ^= 1 << k % 8
        assert not compiled["equal_16"](text, p, written, q)
        written[q + k] ^= 1 << k % 8
    assert compiled["equal_16"](text, p, text, q) == (DATA[p : p + 16] == DATA[q : q + 16])


@given(i=st.integers(0, 59), value=st.integers(0, (1 << 32) - 1))
def test_integers_of_32_bits(compiled, i, value):
    array = np.arange(60, dtype=np.uint32) * 70_000_000
    expected = array.tolist()
    assert compiled["load_int"](array, i) == expected[i]
    compiled["store_int"](array, i, value)
    expected[i] = value
    assert array.tolist() == expected
    assert compiled["load_int"](array, i) == value


@given(word=words)
def test_bits(compiled, word):
    digits = f"{word:064b}"
    number = np.uint64(word)
    assert compiled["lowest_bit"](number) == (64 if word == 0 else len(digits) - 1 - digits.rindex("1"))
    assert compiled["highest_bit"](number) == word.bit_length() - 1
    assert compiled["count_bits"](number) == digits.count("1")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.uint64, np.int64])
def test_sizes_of_items(compiled, dtype):
    array = np.zeros(9, dtype)
    assert compiled["item_bits"](array) == 8 * array.itemsize
    for i in (0, 1, 8):
        assert compiled["offset_of"](array, i) == i * array.itemsize


def test_prefetching_changes_nothing(compiled, text):
    before = text.tobytes()
    for offset in (0, 1, 63, 299):
        compiled["prefetch"](text, offset)
    assert text.tobytes() == before


def test_a_view_is_the_array_at_the_given_address(compiled):
    array = np.array([1, 2, 65_535], np.uint16)
    arguments = np.array([0, array.ctypes.data, 3, 0], np.int64)
    assert compiled["view_sum"](arguments, 1) == 65_538
