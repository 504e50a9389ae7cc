r"""Splitting a text into pieces in several steps, as some tokenizer files ask for.

Usually one pattern splits a text (`bpe.patterns`). Some tokenizers split in steps instead, each of which splits the
pieces of the one before. The first step here isolates digits, the second one splits by spaces:

>>> steps = [Split(r"\d", "Isolated"), Split(" ", "MergedWithNext")]
>>> SplitSteps(steps).split("no 42 yet")
['no', ' ', '4', '2', ' yet']

That is not the same as one pattern with two alternatives, since a step sees the ends of a piece as the ends of a text.
The meaning of a step is the one it has in the `tokenizers` library.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import regex

from bpe.stand_ins import from_stand_ins, to_stand_ins

Behavior = Literal["Isolated", "Removed", "Contiguous", "MergedWithPrevious", "MergedWithNext"]


@dataclass(frozen=True)
class Split:
    """Splits pieces at the matches of a pattern.

    The pieces are what matches and what is between the matches, and `behavior` says what becomes of them:

    - `"Isolated"`: all of them are pieces.
    - `"Removed"`: the matches are dropped from the text.
    - `"Contiguous"`: matches that are side by side are one piece.
    - `"MergedWithPrevious"`, `"MergedWithNext"`: a match belongs to the piece before or after it. If several are side
      by side, this is so for the first or the last of them only; the others are pieces of their own.

    With `invert`, what is between the matches counts as matching, and the matches as what is between.
    """

    pattern: str
    behavior: Behavior
    invert: bool = False

    @cached_property
    def _compiled(self) -> "regex.Pattern[str]":
        return regex.compile(self.pattern)

    def __reduce__(self) -> tuple[type["Split"], tuple[str, Behavior, bool]]:
        """Pickle the fields alone, so that the pickle is the same before and after use."""
        return Split, (self.pattern, self.behavior, self.invert)

    def split(self, piece: str) -> list[str]:
        """Return the pieces of a piece."""
        parts = list(self._parts(piece))
        if self.behavior == "Isolated":
            return [text for text, _ in parts]
        if self.behavior == "Removed":
            return [text for text, matches in parts if not matches]
        if self.behavior == "MergedWithNext":
            backwards = _merged([(text[::-1], matches) for text, matches in reversed(parts)], [(False, True)])
            return [text[::-1] for text in reversed(backwards)]
        together = [(False, True)] if self.behavior == "MergedWithPrevious" else [(False, False), (True, True)]
        return _merged(parts, together)

    def _parts(self, piece: str) -> Iterator[tuple[str, bool]]:
        """Yield what matches and what is between, with whether it counts as a match."""
        end = 0
        for match in self._compiled.finditer(piece):
            if match.start() > end:
                yield piece[end : match.start()], self.invert
            yield match.group(), not self.invert
            end = match.end()
        if end < len(piece):
            yield piece[end:], self.invert


def _merged(parts: Iterable[tuple[str, bool]], together: Sequence[tuple[bool, bool]]) -> list[str]:
    """Join each part to the one before it if the pair (did that one match, does this one) is in `together`."""
    pieces: list[str] = []
    previous = False
    for text, matches in parts:
        if pieces and (previous, matches) in together:
            pieces[-1] += text
        else:
            pieces.append(text)
        previous = matches
    return pieces


@dataclass(frozen=True)
class PrefixSpace:
    """Puts a space before each piece that does not start with one."""

    def split(self, piece: str) -> list[str]:
        """Return the piece with its space."""
        return [piece if piece.startswith(" ") else " " + piece]


@dataclass(frozen=True)
class StandIns:
    """Writes the bytes of each piece as printable characters, so that later steps can split within a character."""

    def split(self, piece: str) -> list[str]:
        """Return the piece in stand-ins."""
        return [to_stand_ins(piece.encode())]


SplitStep = Split | PrefixSpace | StandIns


class SplitSteps:
    """A list of steps, in place of the compiled pattern that splits a text."""

    def __init__(self, steps: Sequence[SplitStep], border: str | None = None) -> None:
        """Wrap the steps, in order.

        Args:
            steps: the steps.
            border: a regular expression that matches only where there is a border between two pieces whatever the text
                on either side, if such places are known.
        """
        self.steps = tuple(steps)
        self._border = border
        self._last_border = regex.compile(f"(?r){border}") if border else None
        self.in_stand_ins = StandIns() in self.steps
        self.pattern = f"?{', '.join(map(repr, self.steps))}"  # not a regular expression, so never mistaken for one

    def __reduce__(self) -> tuple[type["SplitSteps"], tuple[tuple[SplitStep, ...], str | None]]:
        """Pickle the arguments, without compiled expressions."""
        return SplitSteps, (self.steps, self._border)

    def split(self, text: str) -> list[str]:
        """Return the pieces of a text, without empty ones."""
        pieces = [text]
        for step in self.steps:
            pieces = [new for piece in pieces for new in step.split(piece) if new]
        return pieces

    def last_safe_cut(self, text: str) -> int:
        """Return the last position where both parts are split as the whole would be; 0 if none is known."""
        found = self._last_border.search(text) if self._last_border else None
        return found.start() if found else 0

    def piece_bytes(self, piece: str) -> bytes:
        """Return the bytes of a piece that `split` returned."""
        return from_stand_ins(piece) if self.in_stand_ins else piece.encode()


def steps_for_mark(mark: str) -> SplitSteps:
    """Return the steps that split text before every mark, which stands for a space."""
    return SplitSteps([Split(regex.escape(mark), "MergedWithNext")], _border(mark))


def steps_for_runs_of_marks(mark: str) -> SplitSteps:
    """Return the steps that split text before every run of marks.

    They are for tokenizers that do not split text at all and have no token with a mark after another character: no
    merge crosses such a place, so splitting there changes nothing, and pieces are short and repeated.
    """
    return SplitSteps([Split(_border(mark), "Isolated")], _border(mark))


def _border(mark: str) -> str:
    return f"(?<=[^{regex.escape(mark)}])(?={regex.escape(mark)})"
