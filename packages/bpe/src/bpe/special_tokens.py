"""Special tokens: strings such as `<|endoftext|>` that are encoded as one id and are never split or merged.

If two of them start at the same place, the longer one is chosen; the leftmost start comes first:

>>> list(SpecialTokens(["<a>", "<a><a>"]).split("x<a><a>y<a>"))
[('x', False), ('<a><a>', True), ('y', False), ('<a>', True)]
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

import regex


class SpecialTokens:
    """Finds special tokens in a complete text (`split`) or in a stream (`split_stream`)."""

    def __init__(self, tokens: Sequence[str]) -> None:
        """Check and compile the tokens.

        Raises:
            ValueError: a token is empty, given twice or contains a surrogate, or the tokens are a single string instead
                of a list.
        """
        if isinstance(tokens, str):
            raise ValueError(f"special_tokens is the string {tokens!r}: give a list of strings, such as [{tokens!r}]")
        seen: set[str] = set()
        for position, token in enumerate(tokens):
            if not token:
                raise ValueError(f"special token {position} is empty: give at least one character")
            if token in seen:
                raise ValueError(f"special token {token!r} is given twice: list each token once")
            seen.add(token)
            if any("\ud800" <= character <= "\udfff" for character in token):
                raise ValueError(f"special token {token!r} contains a surrogate, which cannot be encoded in UTF-8")
        self.tokens = tuple(tokens)
        longest_first = sorted(tokens, key=len, reverse=True)
        self._found = regex.compile("|".join(map(regex.escape, longest_first))) if tokens else None
        self._sorted = sorted(tokens)
        self.longest = len(longest_first[0]) if tokens else 0

    def find(self, text: str) -> tuple[int, str] | None:
        """Return the position and the text of the first token in `text`, or None."""
        match = self._found.search(text) if self._found else None
        return (match.start(), match.group()) if match else None

    def matches(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield the start and the end of each token in a complete text."""
        for match in self._found.finditer(text) if self._found else ():
            yield match.span()

    def is_inside_token(self, text: str, position: int) -> bool:
        """Return whether some token begins before `position` and ends after it, whether or not `split` chooses it."""
        if self._found is None:
            return False
        near = text[max(0, position - self.longest + 1) : position + self.longest - 1]
        position = min(position, self.longest - 1)
        # At each place the expression finds the longest token, which extends across the position if any token does.
        found = self._found.finditer(near, overlapped=True)
        return any(match.start() < position < match.end() for match in found)

    def is_near_token(self, text: str, position: int) -> bool:
        """Return whether some token contains `position`, begins or ends there, whether or not `split` chooses it."""
        if self._found is None:
            return False
        first = max(0, position - self.longest)
        found = self._found.finditer(text, first, position + self.longest, overlapped=True)
        return any(match.start() <= position <= match.end() for match in found)

    def split(self, text: str) -> Iterator[tuple[str, bool]]:
        """Yield `(part, is_special)` for a complete text, without empty parts."""
        position = 0
        for match in self._found.finditer(text) if self._found else ():
            if match.start() > position:
                yield text[position : match.start()], False
            yield match.group(), True
            position = match.end()
        if position < len(text):
            yield text[position:], False

    def split_stream(self, chunks: Iterable[str]) -> Iterator[tuple[str, bool]]:
        """Yield `(part, is_special)` for a text given in chunks. Only a possible beginning of a token is held back.

        Ordinary text is yielded in parts that are cut anywhere; special tokens are exactly those that `split` finds.
        """
        held = ""
        for chunk in chunks:
            text = held + chunk
            certain = self._certain_end(text)
            yield from self.split(text[:certain])
            held = text[certain:]
        yield from self.split(held)

    def _certain_end(self, text: str) -> int:
        """Return the position up to which more text cannot change what `split` finds."""
        if self._found is None:
            return len(text)
        position = 0
        while True:
            # Only the end of the text can be the beginning of a token, so the search starts there.
            start = max(position, len(text) - self.longest + 1)
            unfinished = next((i for i in range(start, len(text)) if self._is_open(text[i:])), None)
            if unfinished is None:
                return len(text)
            complete = next((match for match in self._found.finditer(text, position) if match.end() > unfinished), None)
            # A complete token that starts earlier is chosen; after it, the unfinished one may no longer be possible.
            if complete is None or complete.start() >= unfinished:
                return unfinished
            position = complete.end()

    def _is_open(self, end: str) -> bool:
        """Return whether more text can complete `end`: then a token that it is a prefix of is next in sorted order."""
        after = bisect_right(self._sorted, end)
        return after < len(self._sorted) and self._sorted[after].startswith(end)
