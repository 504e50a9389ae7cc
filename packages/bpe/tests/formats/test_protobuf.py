import struct
from contextlib import suppress

import pytest
from hypothesis import given, strategies as st

from bpe import TokenizerFileError
from bpe.formats.protobuf import read_fields

from .sentencepiece_models import chunk, varint

numbers = st.integers(1, 2**29 - 1)
fields = st.one_of(
    st.tuples(numbers, st.integers(0, 2**64 - 1)).map(lambda f: (*f, varint(f[0] << 3) + varint(f[1]))),
    st.tuples(numbers, st.binary(max_size=300)).map(lambda f: (*f, chunk(*f))),
    st.tuples(numbers, st.floats(width=32, allow_nan=False)).map(
        lambda f: (*f, varint(f[0] << 3 | 5) + struct.pack("<f", f[1]))
    ),
)


@given(written=st.lists(fields))
def test_fields_are_read_as_they_were_written(written):
    message = b"".join(content for _, _, content in written)
    read = list(read_fields(message, "file", base=100))
    assert [(field.number, field.value) for field in read] == [(number, value) for number, value, _ in written]
    for field in read:
        if isinstance(field.value, bytes):
            assert message[field.offset - 100 :].startswith(field.value)


@given(message=st.binary(max_size=40))
def test_any_bytes_are_fields_or_an_error(message):
    numbers = []
    with suppress(TokenizerFileError):
        numbers += [field.number for field in read_fields(message, "file")]
    assert all(number >= 0 for number in numbers)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (b"\x0a\x05ab", "file, offset 0: a field is incomplete"),
        (b"\x08\x01\x15\x00", "file, offset 2: a field is incomplete"),
        (b"\xff" * 12, "file, offset 0: a field is incomplete"),
        (b"\x0b", "file, offset 0: a field of the unknown kind 3"),
    ],
)
def test_errors_name_the_offset(message, expected):
    with pytest.raises(TokenizerFileError, match=expected):
        list(read_fields(message, "file"))
