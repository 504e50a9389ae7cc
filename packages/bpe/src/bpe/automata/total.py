r"""Automata of which every piece is a match, so that they can be applied one after another.

A pattern may skip text, as `\d{1,3}` skips what is not a digit, and a text that is skipped is a piece, too: a *gap*.
`total` makes gaps matches of their own. `merged` does the same for the behaviors of a split that join a match to what
is before or after it.

    \d{1,3} on "ab12345"     its matches are "123" and "45"
    total                    the pieces are "ab", "123" and "45", each of them a match

`merged` needs to know at once where a gap ends and where a match does. In `total` an attempt to match may fail, and
others may begin meanwhile, as those of `[0-9]{3}` in "12x" do. All of them are followed, the first one decides; if it
fails, the others have to fail with it. So a pattern such as `aab|ac`, of which "aac" has a match that begins within an
attempt that fails, is refused.
"""

from dataclasses import dataclass
from typing import Literal

from bpe.automata.determinize import DEAD, Automaton, Step, certain_states, explore
from bpe.automata.syntax import NotTranslatableError


@dataclass(frozen=True)
class _Place:
    """Where in a piece an automaton is."""

    kind: Literal["start", "attempt", "match", "gap"]
    """Before its first character; in the first attempt, which may still fail; in an attempt that has matched or will;
    or in a gap."""
    attempts: tuple[int, ...] = ()
    """The states of the attempts under way, that of the first one first; in a gap there may be none."""


_START, _GAP = _Place("start"), _Place("gap")
_SUCCEEDED = -2
"""In place of the state of a later attempt: it has matched, or will."""
_Found = tuple[_Place | None, bool]


def total(automaton: Automaton) -> Automaton:
    """Return the automaton whose matches are the pieces of `automaton.split`: its matches, and the gaps between them.

    Raises:
        NotTranslatableError: another attempt to match may begin, and not fail, where the one before it fails.
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
        if not place.attempts:
            return self._in_gap(symbol)
        step = self._steps[place.attempts[0]][symbol]
        if place.kind == "match" or (place.kind == "attempt" and step.matched):
            return (None if step.state == DEAD else _Place("match", (step.state,))), step.matched
        if step.matched:  # an attempt that began in a gap: the gap ended there
            return None, False
        others = self._later_attempts(place, symbol)
        if step.state == DEAD:
            if others:
                raise NotTranslatableError("where an attempt to match fails, one that began within it may succeed")
            return self._in_gap(symbol)
        if step.state in self._certain:
            return (_Place("match", (step.state,)) if place.kind == "attempt" else None), False
        if symbol != self._end:
            others.append(self._state(self._steps[0][symbol]))
        alive = dict.fromkeys(state for state in others if state not in (DEAD, step.state))
        return _Place(place.kind, (step.state, *alive)), False

    def _later_attempts(self, place: _Place, symbol: int) -> list[int]:
        """Return the states of the attempts after the first one that do not fail at a symbol."""
        found = []
        for state in place.attempts[1:]:
            following = state if state == _SUCCEEDED else self._state(self._steps[state][symbol])
            if following != DEAD:
                found.append(following)
        return found

    def _state(self, step: Step) -> int:
        return _SUCCEEDED if step.matched or step.state in self._certain else step.state

    def _begin(self, symbol: int) -> _Place:
        state = self._steps[0][symbol].state
        if state == DEAD:
            return _GAP
        return _Place("match" if state in self._certain else "attempt", (state,))

    def _in_gap(self, symbol: int) -> _Found:
        """Return what happens in a gap, at a character where no attempt is under way."""
        if symbol == self._end:
            return None, True
        state = self._steps[0][symbol].state
        if state == DEAD:
            return _GAP, False
        return (None if state in self._certain else _Place("gap", (state,))), True


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
            state = steps[place.attempts[0]][symbol].state
            if state != DEAD:
                return _Place("match", (state,)), False
        state = steps[0][symbol].state
        following = _GAP if state == DEAD else _Place("match", (state,))
        joined = {
            ("gap", "gap"),
            {"matches": ("match", "match"), "match_to_gap_before": ("gap", "match")}.get(join, ("match", "gap")),
        }
        if place.kind == "start" or (place.kind, following.kind) in joined:
            return following, False
        return None, True

    return explore(automaton.classes, _START, follow)
