"""GPT-2's stand-ins: every byte written as one printable character.

JSON and lines of text contain characters, tokens contain bytes, and not every sequence of bytes is UTF-8. GPT-2's files
therefore write each of the 256 bytes as one character: bytes that are printable in Latin-1 are written as themselves,
the others as U+0100, U+0101, …; so a space (0x20) is `Ġ` and a newline (0x0A) `Ċ`. (Radford et al. 2019; the table is
`bytes_to_unicode` in the code published with it.)

That is a single-byte character encoding like Latin-2, so Python's functions for such encodings do the work.
"""

import codecs


def _stand_ins() -> str:
    """Return the 256 stand-ins in the order of their bytes."""
    printable = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    others = [byte for byte in range(256) if byte not in printable]
    return "".join(chr(byte) if byte in printable else chr(256 + others.index(byte)) for byte in range(256))


_CHARACTERS = _stand_ins()
_BYTES = codecs.charmap_build(_CHARACTERS)


def to_stand_ins(token: bytes) -> str:
    """Write bytes in printable stand-ins.

    >>> to_stand_ins(b" the")
    'Ġthe'
    """
    return codecs.charmap_decode(token, "strict", _CHARACTERS)[0]


def from_stand_ins(text: str) -> bytes:
    """Read bytes written in printable stand-ins.

    Raises:
        UnicodeEncodeError: a character is not a stand-in (`start` is its position).
    """
    return codecs.charmap_encode(text, "strict", _BYTES)[0]
