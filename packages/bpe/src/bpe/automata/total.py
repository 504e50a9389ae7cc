r"""Automata of which every piece is a match, so that they can be applied one after another.

A pattern may skip text, as `\d{1,3}` skips what is not a digit, and a text that is skipped is a piece, too: a *gap*.
`total` makes gaps matches of their own. `merged` does the same for the behaviors of a split that join a match to what
is before or after it.

    \d{1,3} on "ab12345"     its matches are "123" and "45"
    total                    the pieces are "ab", "123" and "45", each of them a match

Both need to know where a gap ends when the next match begins, or as soon as it is certain that it does. A pattern with
two attempts to match at once, such as `abc` in "ababc", is refused.
"""

from dataclasses import dataclass
from typing import Literal

from bpe.automata.determinize import DEAD, Automaton, certain_states, explore
from bpe.automata.syntax import NotTranslatableError


@dataclass(frozen=True)
class _Place:
    """Where in a piece an automaton is."""

    kind: Literal["start", "attempt", "match", "gap"]
    """Before its first character; in the first attempt, which may still fail; in an attempt that has matched or will;
    or in a gap."""
    state: int
    """The state of the attempt; in a gap that of the one that might end it, or DEAD."""


_START, _GAP = _Place("start", DEAD), _Place("gap", DEAD)
_Found = tuple[_Place | None, bool]


def total(automaton: Automaton) -> Automaton:
    """Return the automaton whose matches are the pieces of `automaton.split`: its matches, and the gaps between them.

    Raises:
        NotTranslatableError: another attempt to match may begin before it is known whether the one before it fails.
    """
    return explore(automaton.classes, _START, _Total(automaton).follow)


class _Total:
    def __init__(self, automaton: Automaton) -> None:
        self._steps = automaton.steps
        self._end = automaton.end
        self._certain = certain_states(automaton)

    def follow(self, place: _Place, symbol: int) -> _Found:
        """Return where a symbol leads to, and whether the piece may end before it."""
        if place.kind == "start":
            return (None, False) if symbol == self._end else (self._begin(symbol), False)
        if place.state == DEAD:
            return self._in_gap(symbol)
        step = self._steps[place.state][symbol]
        if place.kind == "match" or (place.kind == "attempt" and step.matched):
            return (None if step.state == DEAD else _Place("match", step.state)), step.matched
        if step.matched:  # an attempt that began in a gap: the gap ended there
            return None, False
        if step.state == DEAD:
            return self._in_gap(symbol)
        if step.state in self._certain:
            return (_Place("match", step.state) if place.kind == "attempt" else None), False
        if self._steps[0][symbol].state != DEAD:
            raise NotTranslatableError("two attempts to match may overlap, so the end of a gap is not known in time")
        return _Place(place.kind, step.state), False

    def _begin(self, symbol: int) -> _Place:
        state = self._steps[0][symbol].state
        if state == DEAD:
            return _GAP
        return _Place("match" if state in self._certain else "attempt", state)

    def _in_gap(self, symbol: int) -> _Found:
        """Return what happens in a gap, at a character where no attempt is under way."""
        if symbol == self._end:
            return None, True
        state = self._steps[0][symbol].state
        if state == DEAD:
            return _GAP, False
        return (None if state in self._certain else _Place("gap", state)), True


Join = Literal["matches", "match_to_gap_before", "gap_to_match_before"]
"""Which neighbours are one piece: matches side by side; or a match and the gap on one side of it."""


def merged(automaton: Automaton, join: Join) -> Automaton:
    """Return the automaton whose matches are the pieces of `automaton.split`, some of them joined.

    Raises:
        NotTranslatableError: it is not always known at once that a match has ended, or that one has begun.
    """
    steps, end = automaton.steps, automaton.end
    begun = [step for row in steps[1:] for step in row]
    if any(step.state == 0 for step in begun) or not all(step.matched for step in begun if step.state == DEAD):
        raise NotTranslatableError("a match is joined to its neighbours, but it may fail after its first character")

    def follow(place: _Place, symbol: int) -> _Found:
        if symbol == end:
            return None, place.kind != "start"
        if place.kind == "match":
            state = steps[place.state][symbol].state
            if state != DEAD:
                return _Place("match", state), False
        state = steps[0][symbol].state
        following = _GAP if state == DEAD else _Place("match", state)
        joined = {
            ("gap", "gap"),
            {"matches": ("match", "match"), "match_to_gap_before": ("gap", "match")}.get(join, ("match", "gap")),
        }
        if place.kind == "start" or (place.kind, following.kind) in joined:
            return following, False
        return None, True

    return explore(automaton.classes, _START, follow)
