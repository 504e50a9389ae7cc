"""Texts that arrive in parts: split as if they were whole, and decoded without broken characters."""

import codecs
from collections.abc import Iterable, Iterator
from typing import Protocol

import regex

from bpe.patterns import last_safe_cut
from bpe.special_tokens import SpecialTokens

_MIN_BUFFER = 4096  # characters gathered before a cut is looked for


def safe_parts(
    chunks: Iterable[str], special_tokens: SpecialTokens, pattern: "regex.Pattern[str]", buffer: int | None = None
) -> Iterator[tuple[str, bool]]:
    """Yield `(part, is_special)` such that splitting each part into pieces equals splitting the whole text.

    Wherever the chunks were cut, special tokens come out whole, and ordinary text is cut only where the pattern
    has a border whatever stands on either side. Memory is bounded by the longest stretch without such a border;
    for a pattern that is not one of `bpe.PATTERNS` that is the distance between special tokens. `buffer` is how many
    characters are gathered before a place to cut is looked for.
    """
    least = buffer or _MIN_BUFFER
    gathered: list[str] = []
    size = 0
    enough = least
    for part, is_special in special_tokens.split_stream(chunks):
        if is_special:
            if gathered:
                yield "".join(gathered), False
            gathered, size, enough = [], 0, least
            yield part, True
            continue
        gathered.append(part)
        size += len(part)
        if size < enough:
            continue
        text = "".join(gathered)
        cut = last_safe_cut(text, pattern)
        if cut:
            yield text[:cut], False
        gathered, size = [text[cut:]], len(text) - cut
        # Looking again only after the rest has doubled keeps a text without borders linear in time.
        enough = max(least, 2 * size)
    if size:
        yield "".join(gathered), False


class _DecodesBytes(Protocol):
    def decode_bytes(self, ids: Iterable[int]) -> bytes: ...


class StreamDecoder:
    """Turns ids into text as they come, holding back the bytes of a character that is not complete yet.

    >>> from bpe import Tokenizer
    >>> stream = StreamDecoder(Tokenizer({byte: bytes([byte]) for byte in range(256)}, []))
    >>> [stream.feed(byte) for byte in "né".encode()], stream.finish()
    (['n', '', 'é'], '')
    """

    def __init__(self, tokenizer: _DecodesBytes) -> None:
        self._tokenizer = tokenizer
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def feed(self, ids: int | Iterable[int]) -> str:
        """Return the text that the next id, or the next few, completes; it may be empty.

        Raises:
            ValueError: an id is not in the vocabulary. The stream stands where it stood before the call.
        """
        if not isinstance(ids, Iterable):
            ids = [ids]
        return self._decoder.decode(self._tokenizer.decode_bytes(ids))

    def finish(self) -> str:
        """Return what is left at the end, U+FFFD if a character was cut short, and start afresh."""
        return self._decoder.decode(b"", final=True)
