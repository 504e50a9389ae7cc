"""Stop strings: text is held back as long as it may be the beginning of one."""

from collections.abc import Sequence
from dataclasses import replace

from serving.generation import TextToken


class StopStrings:
    """Releases the tokens of a text until a stop string appears in it.

    >>> text = StopStrings(["end"])
    >>> [[token.text for token in text.feed(TextToken(part, part, 0.0))] for part in ["a", " e", "x", "e", "nd", "b"]]
    [['a'], [], [' e', 'x'], [], [], []]
    >>> text.found
    True
    """

    def __init__(self, stops: Sequence[str]) -> None:
        """Begin an empty text."""
        self._stops = stops
        self._held: list[TextToken] = []
        self.found = False
        """Whether a stop string has appeared: nothing more is released."""

    def feed(self, token: TextToken) -> list[TextToken]:
        """Append a token and return those that are certain to come before a stop string."""
        if self.found:
            return []
        self._held.append(token)
        text = "".join(held.text for held in self._held)
        places = [place for stop in self._stops if (place := text.find(stop)) >= 0]
        if places:
            self.found = True
            return self._release_before(min(places))
        return self._release(len(text) - max((_beginning(text, stop) for stop in self._stops), default=0))

    def finish(self) -> list[TextToken]:
        """Return the tokens that are still held back, at the end of the text."""
        held, self._held = self._held, []
        return [] if self.found else held

    def _release(self, end: int) -> list[TextToken]:
        """Return the tokens that end at or before a place."""
        count, length = 0, 0
        for token in self._held:
            length += len(token.text)
            if length > end:
                break
            count += 1
        released, self._held = self._held[:count], self._held[count:]
        return released

    def _release_before(self, end: int) -> list[TextToken]:
        """Return the tokens that begin before a place, the last one cut there."""
        released, start = [], 0
        for token in self._held:
            if start >= end:
                break
            released.append(replace(token, text=token.text[: end - start]))
            start += len(token.text)
        self._held = []
        return released


def _beginning(text: str, stop: str) -> int:
    """Return the length of the longest end of the text that is a beginning of the stop string, but not all of it."""
    longest = min(len(text), len(stop) - 1)
    return next((size for size in range(longest, 0, -1) if text.endswith(stop[:size])), 0)
