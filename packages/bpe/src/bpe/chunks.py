"""Cutting a long text into chunks that can be encoded independently, in any order, by any thread; joining short texts.

A chunk ends where the pattern has a border whatever the text around it (`bpe.patterns.last_safe_cut`), and not inside a
special token. Only the last few thousand bytes of a chunk are searched for such a place.

>>> from bpe.patterns import compile_pattern
>>> from bpe.special_tokens import SpecialTokens
>>> list(cut_text("to be or not to be", compile_pattern("gpt2"), SpecialTokens([]), 8))
['to be', ' or not', ' to be']
"""

import os
from collections.abc import Iterable, Iterator, Sequence

from bpe.patterns import DEFAULT_PATTERN, SplitPattern, can_be_cut, compile_pattern, last_safe_cut
from bpe.special_tokens import SpecialTokens
from bpe.streaming import safe_parts

_FIRST_WINDOW = 4096


def cut_stream(
    chunks: Iterable[str],
    special_tokens: Sequence[str] = (),
    *,
    pattern: str = DEFAULT_PATTERN,
    size: int = 1 << 20,
) -> Iterator[str]:
    """Yield a text that arrives in chunks, cut at arbitrary places, in parts that can be encoded or counted separately.

    `train_bpe(cut_stream(chunks))` learns what it would learn from the joined text.

    Args:
        chunks: the text in chunks.
        special_tokens: strings that are not to be cut.
        pattern: the split pattern, a name of `bpe.PATTERNS` or a regular expression. With an expression that has no
            automaton (`bpe.automata`) the text can be cut only at special tokens, each of which is a part of its own.
        size: the length of a part in characters, about. A part is longer if there is no place to cut.

    >>> list(cut_stream(["to b", "e or n", "ot to be"], size=8))
    ['to be or', ' not to', ' be']

    Raises:
        ValueError: a special token is empty or given twice, or the pattern is not a regular expression.
    """
    compiled, specials = compile_pattern(pattern), SpecialTokens(special_tokens)
    if not can_be_cut(compiled):
        yield from (part for part, _ in safe_parts(chunks, specials, compiled))
        return
    collected: list[str] = []
    length, enough = 0, size
    for chunk in chunks:
        collected.append(chunk)
        length += len(chunk)
        if length < enough:
            continue
        text = "".join(collected)
        cut = _safe_cut(text, compiled, specials)
        if cut:
            yield text[:cut]
        collected, length = [text[cut:]], len(text) - cut
        enough = max(size, 2 * length)  # searching again only after the rest has doubled keeps the time linear
    if length:
        yield "".join(collected)


def batched(texts: Iterable[str], size: int) -> Iterator[list[str]]:
    """Yield texts in lists that have about `size` characters in total, or one text that has more.

    >>> list(batched(["to", "be", "or not to be", "?"], 4))
    [['to', 'be'], ['or not to be'], ['?']]
    """
    batch: list[str] = []
    length = 0
    for text in texts:
        if batch and length + len(text) > size:
            yield batch
            batch, length = [], 0
        batch.append(text)
        length += len(text)
    if batch:
        yield batch


def cut_text(text: str, pattern: SplitPattern, special_tokens: SpecialTokens, size: int) -> Iterator[str]:
    """Yield `text` in chunks of at most `size` characters, or more if there is no place to cut."""
    begin = 0
    for end in _ends(_TextWindows(text), len(text), pattern, special_tokens, size):
        yield text[begin:end]
        begin = end


def cut_file(
    descriptor: int, num_bytes: int, pattern: SplitPattern, special_tokens: SpecialTokens, size: int
) -> Iterator[tuple[int, int]]:
    """Yield `(offset, length)` of the chunks of an open UTF-8 file, in bytes, as `cut_text` does.

    The file is not validated: text that is not UTF-8 is in some chunk, and causes an error when that chunk is decoded.
    """
    begin = 0
    for end in _ends(_FileWindows(descriptor), num_bytes, pattern, special_tokens, size):
        yield begin, end - begin
        begin = end


class _TextWindows:
    """Parts of a text."""

    def __init__(self, text: str) -> None:
        self._text = text

    def read(self, begin: int, end: int) -> tuple[int, str]:
        """Return a part, and where it actually begins."""
        return begin, self._text[begin:end]

    @staticmethod
    def size(text: str) -> int:
        """Return the length of a part."""
        return len(text)


class _FileWindows:
    """Parts of a UTF-8 file, shortened to complete characters."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def read(self, begin: int, end: int) -> tuple[int, str]:
        """Return a part, and where it actually begins."""
        data = os.pread(self._descriptor, end - begin, begin)
        first = 0
        while first < min(4, len(data)) and data[first] & 0xC0 == 0x80:
            first += 1
        last = len(data)
        while last > first and len(data) - last < 4 and data[last - 1] & 0xC0 == 0x80:
            last -= 1
        if last > first and data[last - 1] >= 0xC0:  # the last character, complete or not
            last -= 1
        return begin + first, data[first:last].decode("utf-8", errors="surrogateescape")

    @staticmethod
    def size(text: str) -> int:
        """Return the number of bytes of a part."""
        return len(text.encode("utf-8", errors="surrogateescape"))


def _ends(
    source: _TextWindows | _FileWindows,
    total: int,
    pattern: SplitPattern,
    special_tokens: SpecialTokens,
    size: int,
) -> Iterator[int]:
    """Yield the end of each chunk."""
    begin = 0
    while total - begin > size:
        end = begin + size
        window = _FIRST_WINDOW
        cut = 0
        while not cut and end < total:
            first, text = source.read(max(begin, end - window), end)
            position = _safe_cut(text, pattern, special_tokens)
            if first > begin and position < special_tokens.longest:
                position = 0  # a special token that starts before this part may extend across the cut
            if position:
                cut = first + source.size(text[:position])
            elif window >= end - begin:  # all of it was searched: double the chunk
                end += end - begin
            else:
                window *= 4
        if cut <= begin:
            break
        yield cut
        begin = cut
    if begin < total:
        yield total


def _safe_cut(text: str, pattern: SplitPattern, special_tokens: SpecialTokens) -> int:
    """Return the last position at which `text` can be cut, whatever the text around it; 0 if there is none."""
    # A special token that starts before the cut must be in the text up to its end.
    known = len(text) - max(0, special_tokens.longest - 1)
    position = last_safe_cut(text[: max(0, known)], pattern)
    while position and special_tokens.is_inside_token(text, position):
        position = last_safe_cut(text[:position], pattern)
    return position
