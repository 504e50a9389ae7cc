"""Inspecting tokens: how long they are, how well they compress a text, where they split it.

All functions here return data or text; the command line prints it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bpe.patterns import PATTERNS
from bpe.tokenizer import Tokenizer

_BACKGROUNDS = (153, 223, 157, 218, 189)  # pale ones of the 256 colours of terminals, for black text
_RESET = "\x1b[0m"


@dataclass(frozen=True)
class TextSize:
    """The size of a text."""

    num_tokens: int
    num_bytes: int
    """Bytes in UTF-8."""

    @property
    def bytes_per_token(self) -> float:
        """The average number of bytes per token; 0 for an empty text."""
        return self.num_bytes / self.num_tokens if self.num_tokens else 0.0


def measure(tokenizer: Tokenizer, chunks: Iterable[str]) -> TextSize:
    """Measure a text given in chunks, in constant memory."""
    num_bytes = 0

    def counted() -> Iterator[str]:
        nonlocal num_bytes
        for chunk in chunks:
            num_bytes += len(chunk.encode())
            yield chunk

    num_tokens = sum(1 for _ in tokenizer.encode_iterable(counted()))
    return TextSize(num_tokens, num_bytes)


def count_table(sizes: Sequence[tuple[str, TextSize]]) -> str:
    """Return a table with a line for each named text, and the sum of several.

    >>> print(count_table([("a.txt", TextSize(250, 1000)), ("b.txt", TextSize(1000, 3000))]), end="")
    tokens  bytes  bytes/token
       250  1,000         4.00  a.txt
     1,000  3,000         3.00  b.txt
     1,250  4,000         3.20  total
    """
    rows = list(sizes)
    if len(rows) > 1:
        total = TextSize(sum(size.num_tokens for _, size in rows), sum(size.num_bytes for _, size in rows))
        rows.append(("total", total))
    cells = [("tokens", "bytes", "bytes/token", "")] + [
        (f"{size.num_tokens:,}", f"{size.num_bytes:,}", f"{size.bytes_per_token:.2f}", name) for name, size in rows
    ]
    widths = [max(len(row[column]) for row in cells) for column in range(3)]
    lines = [
        "  ".join([*(cell.rjust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in cells
    ]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def summary(tokenizer: Tokenizer) -> str:
    """Describe a tokenizer, one property a line."""
    name = next((name for name, source in PATTERNS.items() if source == tokenizer.pattern), None)
    specials = sorted(tokenizer.special_tokens.items(), key=lambda item: item[1])
    properties = {
        "vocabulary": f"{len(tokenizer.vocab):,} tokens, largest id {tokenizer.vocab_size - 1}",
        "merges": f"{len(tokenizer.merges):,}",
        "special tokens": ", ".join(f"{visible(token.encode())} ({token_id})" for token, token_id in specials)
        or "none",
        "pattern": name or tokenizer.pattern,
        "fingerprint": tokenizer.fingerprint,
    }
    return "".join(f"{name:<16}{value}\n" for name, value in properties.items())


def longest_tokens(tokenizer: Tokenizer, count: int) -> list[tuple[int, bytes]]:
    """Return the ids and bytes of the longest tokens without special tokens; of equals the lower id comes first."""
    special_ids = set(tokenizer.special_tokens.values())
    tokens = [(token_id, token) for token_id, token in tokenizer.vocab.items() if token_id not in special_ids]
    return sorted(tokens, key=lambda entry: (-len(entry[1]), entry[0]))[:count]


def token_table(tokens: Iterable[tuple[int, bytes]]) -> str:
    r"""Return a line for each token: its id, its length in bytes, and itself between borders.

    >>> print(token_table([(262, b" the"), (198, b"\n")]), end="")
         262     4  │ the│
         198     1  │⏎│
    """
    return "".join(f"{token_id:>8} {len(token):>5}  │{visible(token)}│\n" for token_id, token in tokens)


def visible(token: bytes) -> str:
    r"""Return a token as text in which everything is visible: line feeds as ⏎, other unprintable characters as escapes.

    >>> visible(b"\tif x:\r\n"), visible("é".encode()[:1]), visible("a\u200b".encode())
    ('\\tif x:\\r⏎', '\\xc3', 'a\\u200b')
    """
    text = token.decode("utf-8", errors="backslashreplace")
    return "".join(
        "⏎" if character == "\n" else character if character.isprintable() else _escape(character) for character in text
    )


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def show_tokens(tokens: Iterable[tuple[int, bytes]], *, color: bool, ids: bool = False) -> str:
    r"""Return a text, given as the ids and bytes of its tokens, with visible borders between the tokens.

    Args:
        tokens: the tokens.
        color: whether to give neighbours different backgrounds; otherwise there is a border │ between them.
        ids: whether to show the id after each token.

    >>> print(show_tokens([(464, b"The"), (3797, b" cat"), (198, b"\n"), (40, b"I")], color=False))
    The│ cat│⏎
    │I
    """
    shown = []
    for place, (token_id, token) in enumerate(tokens):
        # The line also ends after the sign for a line feed, so that the text keeps its lines.
        text = "⏎\n".join(map(visible, token.split(b"\n")))
        number = f"⟨{token_id}⟩" if ids else ""
        if color:
            text = _painted(text, _BACKGROUNDS[place % len(_BACKGROUNDS)])
            number = f"\x1b[2m{number}{_RESET}" if ids else ""
        shown.append(text + number)
    return ("" if color else "│").join(shown)


def _painted(text: str, background: int) -> str:
    """Colour every line of `text` separately: a colour that continues past the end of a line fills the rest of it."""
    start = f"\x1b[38;5;16;48;5;{background}m"
    return "\n".join(f"{start}{line}{_RESET}" if line else "" for line in text.split("\n"))
