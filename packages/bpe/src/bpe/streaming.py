"""Texts that arrive in parts: split as if they were complete, and decoded without broken characters."""

import codecs
from collections.abc import Iterable, Iterator
from typing import Protocol

from bpe.patterns import PATTERNS, SplitPattern, last_safe_cut
from bpe.special_tokens import SpecialTokens

_MIN_BUFFER = 4096  # characters to collect before searching for a place to cut
_MIN_UNNAMED_BUFFER = 1 << 16  # for other patterns, the automaton of which takes a tenth of a second to build


def safe_parts(
    chunks: Iterable[str], special_tokens: SpecialTokens, pattern: SplitPattern, buffer: int | None = None
) -> Iterator[tuple[str, bool]]:
    """Yield `(part, is_special)` such that splitting each part into pieces is the same as splitting the whole text.

    Wherever the chunks were cut, special tokens are complete, and ordinary text is cut only where the pattern has a
    border whatever the text on either side. Memory is bounded by the longest stretch without such a border; for a
    pattern that has no automaton that is the distance between special tokens. `buffer` is the number of characters to
    collect before searching for a place to cut.
    """
    least = buffer or (_MIN_BUFFER if pattern.pattern in PATTERNS.values() else _MIN_UNNAMED_BUFFER)
    collected: list[str] = []
    size = 0
    enough = least
    for part, is_special in special_tokens.split_stream(chunks):
        if is_special:
            if collected:
                yield "".join(collected), False
            collected, size, enough = [], 0, least
            yield part, True
            continue
        collected.append(part)
        size += len(part)
        if size < enough:
            continue
        text = "".join(collected)
        cut = last_safe_cut(text, pattern)
        if cut:
            yield text[:cut], False
        collected, size = [text[cut:]], len(text) - cut
        # Searching again only after the rest has doubled keeps the time linear for a text without borders.
        enough = max(least, 2 * size)
    if size:
        yield "".join(collected), False


class _DecodesBytes(Protocol):
    def decode_bytes(self, ids: Iterable[int], *, skip_special_tokens: bool = False) -> bytes: ...
    def text_from_start(self, text: str) -> str: ...


class StreamDecoder:
    """Decodes ids as they come, and holds back the bytes of an incomplete character.

    >>> from bpe import Tokenizer
    >>> stream = StreamDecoder(Tokenizer({byte: bytes([byte]) for byte in range(256)}, []))
    >>> [stream.feed(byte) for byte in "né".encode()], stream.finish()
    (['n', '', 'é'], '')
    """

    def __init__(self, tokenizer: _DecodesBytes, *, skip_special_tokens: bool = False, continued: bool = False) -> None:
        """Start a stream.

        Args:
            tokenizer: the tokenizer that the ids are from.
            skip_special_tokens: whether to ignore the ids of special tokens.
            continued: whether the ids continue a text. If they begin one, the text is the one that `decode` gives: a
                tokenizer that puts a space in front of every text removes it again.
        """
        self._tokenizer = tokenizer
        self._skip_special_tokens = skip_special_tokens
        self._begins = self._at_start = not continued
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def feed(self, ids: int | Iterable[int]) -> str:
        """Return the text that the next id, or the next few, complete; it may be empty.

        Raises:
            ValueError: an id is not in the vocabulary. The state of the stream is then as it was before the call.
        """
        if not isinstance(ids, Iterable):
            ids = [ids]
        data = self._tokenizer.decode_bytes(ids, skip_special_tokens=self._skip_special_tokens)
        return self._from_start(self._decoder.decode(data))

    def finish(self) -> str:
        """Return the rest at the end of the stream, U+FFFD if a character is incomplete, and reset the decoder."""
        text = self._from_start(self._decoder.decode(b"", final=True))
        self._at_start = self._begins
        return text

    def _from_start(self, text: str) -> str:
        if text and self._at_start:
            self._at_start = False
            return self._tokenizer.text_from_start(text)
        return text
