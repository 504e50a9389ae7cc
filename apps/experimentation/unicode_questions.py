r"""Questions about Unicode and UTF-8 that come up before a tokenizer can be written, answered by running code.

The examples of a question are doctests: their output is what Python prints, and a test runs them.
"""

import io
import itertools
import unicodedata  # noqa: F401 - the examples use it
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass

ENCODINGS = {"utf-8": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}
"""The encodings that are compared, without the mark of the byte order, two or four bytes once in a file."""


@dataclass(frozen=True)
class Question:
    """A question, the examples that answer it, and the answer in words."""

    name: str
    """An identifier."""
    question: str
    examples: str
    """Examples in the form of doctests."""
    answer: str
    functions: tuple[Callable[..., object], ...] = ()
    """Functions of this module that the question is about, whose code is shown with the examples."""


def printed(text: str) -> bytes:
    r"""Return the bytes that `print` writes, so that those which no terminal shows can be seen.

    >>> printed("a")
    b'a\n'
    """
    output = io.StringIO()
    with redirect_stdout(output):
        print(text)
    return output.getvalue().encode()


def encoded_lengths(text: str) -> dict[str, int]:
    """Return how many bytes a text has in each encoding.

    >>> encoded_lengths("hello")
    {'utf-8': 5, 'utf-16': 10, 'utf-32': 20}
    """
    return {name: len(text.encode(codec)) for name, codec in ENCODINGS.items()}


def decode_byte_by_byte(data: bytes) -> str:
    """Decode each byte alone: a mistake that goes unnoticed as long as the text is English.

    >>> decode_byte_by_byte(b"hello")
    'hello'
    """
    return "".join(bytes([byte]).decode("utf-8") for byte in data)


def decodes(data: bytes) -> bool:
    """Return whether bytes are UTF-8.

    >>> decodes("é".encode())
    True
    """
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def refusal(data: bytes) -> str:
    """Return the reason for which `decode_byte_by_byte` fails; empty if it does not.

    >>> refusal(b"hello")
    ''
    """
    try:
        decode_byte_by_byte(data)
    except UnicodeDecodeError as error:
        return f"byte {error.object[error.start]:#x}: {error.reason}"
    return ""


def byte_pairs() -> list[bytes]:
    """Return all 65,536 sequences of two bytes.

    >>> len(byte_pairs())
    65536
    """
    return [bytes(pair) for pair in itertools.product(range(256), repeat=2)]


QUESTIONS = (
    Question(
        "null",
        "Which character is chr(0)?",
        r"""
        >>> ord(chr(0))
        0
        >>> unicodedata.category(chr(0))
        'Cc'
        >>> unicodedata.name(chr(0), "no name")
        'no name'
        >>> chr(0).encode("utf-8")
        b'\x00'
        """,
        "U+0000, the first code point, called null: a control character (category Cc). It means nothing by itself; "
        "in UTF-8 it is the single byte 0.",
    ),
    Question(
        "null_representation",
        "How does its representation differ from what print writes?",
        r"""
        >>> chr(0)
        '\x00'
        >>> len(repr(chr(0)))
        6
        >>> printed(chr(0))
        b'\x00\n'
        """,
        "The representation is source code, an escape sequence between quotation marks. print writes the character "
        "itself, and a terminal shows nothing for it.",
        functions=(printed,),
    ),
    Question(
        "null_in_text",
        "What happens if it occurs in a text?",
        r"""
        >>> "before" + chr(0) + "after"
        'before\x00after'
        >>> len("before" + chr(0) + "after")
        12
        >>> printed("before" + chr(0) + "after")
        b'before\x00after\n'
        """,
        "It is one more character, and the text continues after it, unlike in C, where it would end the string. "
        "Printed, it cannot be seen: the words look as if nothing was between them.",
    ),
    Question(
        "characters",
        "Are characters, code points and bytes the same?",
        r"""
        >>> [len(unicodedata.normalize(form, "é")) for form in ("NFC", "NFD")]
        [1, 2]
        >>> [len(unicodedata.normalize(form, "é").encode()) for form in ("NFC", "NFD")]
        [2, 3]
        >>> unicodedata.normalize("NFC", "é") == unicodedata.normalize("NFD", "é")
        False
        """,
        "No. What a reader sees as one character may be one code point or several, and each is one to four bytes of "
        "UTF-8. Texts that look equal can be different sequences: a byte-level tokenizer gives them different ids.",
    ),
    Question(
        "utf_8",
        "Why is a tokenizer trained on the bytes of UTF-8 rather than on those of UTF-16 or UTF-32?",
        r"""
        >>> encoded_lengths("hello")
        {'utf-8': 5, 'utf-16': 10, 'utf-32': 20}
        >>> "hello".encode("utf-16-le")
        b'h\x00e\x00l\x00l\x00o\x00'
        >>> "hello".encode("utf-16-be")
        b'\x00h\x00e\x00l\x00l\x00o'
        >>> encoded_lengths("こんにちは")
        {'utf-8': 15, 'utf-16': 10, 'utf-32': 20}
        """,
        "The bytes of all three are a vocabulary of 256. But English has one byte for each letter in UTF-8, and two or "
        "four in the others, most of them zero: sequences are longer, and merges are spent on joining letters to "
        "zeros. UTF-8 also has no byte order, and ASCII is valid as it is. UTF-16 is shorter for some scripts only, "
        "such as Japanese.",
    ),
    Question(
        "wrong_decoder",
        "What is wrong with decoding UTF-8 one byte at a time?",
        r"""
        >>> decode_byte_by_byte("hello".encode())
        'hello'
        >>> "é".encode()
        b'\xc3\xa9'
        >>> refusal("é".encode())
        'byte 0xc3: unexpected end of data'
        """,
        "Only ASCII characters are one byte. Any other character, such as é, is several, and none of them is valid "
        "alone. The function works for English and fails at the first accent.",
        functions=(decode_byte_by_byte,),
    ),
    Question(
        "undecodable",
        "Which two bytes decode to no character?",
        r"""
        >>> decodes(b"\xc3\x28")
        False
        >>> b"\xc3\x28".decode(errors="replace")
        '\ufffd('
        >>> sum(map(decodes, byte_pairs()))
        18304
        """,
        "0xC3 begins a character of two bytes, and 0x28, an opening parenthesis, cannot continue one. Of all 65,536 "
        "pairs 18,304 are UTF-8: 128 · 128 pairs of ASCII characters, and 30 first bytes with 64 second ones. A model "
        "can generate any other pair, so a tokenizer's decoder has to replace what is malformed.",
        functions=(decodes, byte_pairs),
    ),
)
"""The questions, in the order in which the report shows them."""

__test__ = {question.name: question.examples for question in QUESTIONS}
"""What doctest runs besides the docstrings."""
