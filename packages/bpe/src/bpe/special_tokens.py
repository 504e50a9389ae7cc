"""Special tokens: strings such as `<|endoftext|>` that are encoded as one id and are never split or merged.

If two of them start at the same place, the longer one is chosen; the leftmost start comes first:

>>> list(SpecialTokens(["<a>", "<a><a>"]).split("x<a><a>y<a>"))
[('x', False), ('<a><a>', True), ('y', False), ('<a>', True)]

A text is searched for what all tokens begin with, or for any of their first characters. At such a place the strings of
all lengths that tokens with the same two characters have are looked up in a set, up to the first that no token begins
with. That takes hardly longer with Gemma's 6,415 tokens than with one, unlike an expression of so many alternatives,
and there is nothing to compile.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence


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
        self._known = frozenset(tokens)
        self._sorted = sorted(tokens)
        self.longest = max(map(len, tokens), default=0)
        lengths: dict[str, set[int]] = {}
        for token in tokens:
            if len(token) > 1:
                lengths.setdefault(token[:2], set()).add(len(token))
        self._lengths = {two: sorted(some) for two, some in lengths.items()}
        self._beginnings = frozenset(
            token[:length] for token in tokens for length in self._lengths.get(token[:2], ()) if length < len(token)
        )
        self._possible_start: re.Pattern[str] | None = None
        if tokens:
            shared = _shared_beginning(self._sorted[0], self._sorted[-1])
            firsts = sorted({token[0] for token in tokens})
            self._possible_start = re.compile(re.escape(shared) or f"[{''.join(map(re.escape, firsts))}]")

    def _end_at(self, text: str, start: int) -> int:
        """Return where the longest token that begins at `start` ends; -1 if none does."""
        end = start + 1 if text[start] in self._known else -1
        for length in self._lengths.get(text[start : start + 2], ()):
            string = text[start : start + length]  # shorter at the end of the text
            if string in self._known:
                end = start + len(string)
            elif string not in self._beginnings:
                break
        return end

    def matches(self, text: str, position: int = 0) -> Iterator[tuple[int, int]]:
        """Yield the start and the end of each token in a complete text, from a position on."""
        possible_start = self._possible_start
        while possible_start is not None and (found := possible_start.search(text, position)):
            start = found.start()
            end = self._end_at(text, start)
            if end >= 0:
                yield start, end
            position = max(end, start + 1)

    def find(self, text: str) -> tuple[int, str] | None:
        """Return the position and the text of the first token in `text`, or None."""
        for start, end in self.matches(text):
            return start, text[start:end]
        return None

    def is_inside_token(self, text: str, position: int) -> bool:
        """Return whether some token begins before `position` and ends after it, whether or not `split` chooses it."""
        starts = range(max(0, position - self.longest), min(position, len(text)))
        return any(self._end_at(text, start) > position for start in starts)

    def is_near_token(self, text: str, position: int) -> bool:
        """Return whether some token contains `position`, begins or ends there, whether or not `split` chooses it."""
        starts = range(max(0, position - self.longest), min(position + 1, len(text)))
        return any(self._end_at(text, start) >= position for start in starts)

    def split(self, text: str) -> Iterator[tuple[str, bool]]:
        """Yield `(part, is_special)` for a complete text, without empty parts."""
        position = 0
        for start, end in self.matches(text):
            if start > position:
                yield text[position:start], False
            yield text[start:end], True
            position = end
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
        if not self.tokens:
            return len(text)
        position = 0
        while True:
            # Only the end of the text can be the beginning of a token, so the search starts there.
            start = max(position, len(text) - self.longest + 1)
            unfinished = next((i for i in range(start, len(text)) if self._is_open(text[i:])), None)
            if unfinished is None:
                return len(text)
            complete = next(((start, end) for start, end in self.matches(text, position) if end > unfinished), None)
            # A complete token that starts earlier is chosen; after it, the unfinished one may no longer be possible.
            if complete is None or complete[0] >= unfinished:
                return unfinished
            position = complete[1]

    def _is_open(self, end: str) -> bool:
        """Return whether more text can complete `end`: then a token that it is a prefix of is next in sorted order."""
        after = bisect_right(self._sorted, end)
        return after < len(self._sorted) and self._sorted[after].startswith(end)


def _shared_beginning(first: str, last: str) -> str:
    """Return what two strings begin with, and so all strings that are between them in sorted order."""
    pairs = enumerate(zip(first, last, strict=False))
    return first[: next((i for i, (a, b) in pairs if a != b), min(len(first), len(last)))]
