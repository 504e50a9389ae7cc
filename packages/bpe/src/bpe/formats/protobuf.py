"""Reading messages of Protocol Buffers, as far as SentencePiece's files need it.

A message is a sequence of fields. Each begins with a varint, an integer in groups of seven bits from the lowest, whose
last three bits say how the value is written, and whose other bits are the number of the field. (The format is described
on protobuf.dev as "encoding".) Generated code for these files would need the same version of `protobuf` as it was
generated with.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from bpe.formats.parts import TokenizerFileError
from bpe.formats.reading import FilePath

Value = int | float | bytes

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MAX_VARINT_BYTES = 10


class Field(NamedTuple):
    """A field of a message."""

    number: int
    value: Value
    """An integer; a float if it has 32 bits; or the bytes of a string, of bytes or of a message."""
    offset: int
    """Where the value begins in the file."""


def read_fields(message: bytes, path: FilePath, base: int = 0) -> Iterator[Field]:
    """Yield the fields of a message in the order in which they are written.

    Args:
        message: the message.
        path: the file, for errors.
        base: where the message begins in the file, for errors.

    Raises:
        TokenizerFileError: the message is damaged (the offset is named).
    """
    position, end = 0, len(message)
    while position < end:
        begin = position
        key, position = _varint(message, position, path, base)
        number, kind = key >> 3, key & 7
        value: Value
        if kind == _VARINT:
            offset = position
            value, position = _varint(message, position, path, base)
        else:
            size = {_FIXED32: 4, _FIXED64: 8}.get(kind, 0)
            if kind == _BYTES:
                size, position = _varint(message, position, path, base)
            elif not size:
                raise TokenizerFileError(
                    f"{path}, offset {base + begin}: a field of the unknown kind {kind}: the file is damaged, or not a "
                    "SentencePiece model"
                )
            if size > end - position:
                raise _ends(path, base + begin)
            offset, content = position, message[position : position + size]
            position += size
            value = struct.unpack("<f", content)[0] if kind == _FIXED32 else content
        yield Field(number, value, base + offset)


def _varint(message: bytes, position: int, path: FilePath, base: int) -> tuple[int, int]:
    """Return the varint at a position, and the position after it."""
    value = 0
    for count, byte in enumerate(message[position : position + _MAX_VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return value, position + count + 1
    raise _ends(path, base + position)


def _ends(path: FilePath, offset: int) -> TokenizerFileError:
    return TokenizerFileError(
        f"{path}, offset {offset}: a field is incomplete: the file is damaged, or not a SentencePiece model"
    )
