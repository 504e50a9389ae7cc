r"""From a list of instructions to an automaton, which needs one look at each character.

An engine that goes back follows one instruction after another, in order of preference. The automaton follows all of
them at once: its state is the list of instructions that could consume the next character, the preferred ones first.
When it has read the next character, it knows for each of them where it leads, and for each condition on what comes next
whether it is true. Where the pattern has matched, what is less preferred is dropped from the list: it could never win.

>>> numbers = automaton(r"\d{1,2}|[a-z]+")
>>> list(numbers.split("abc1234"))
['abc', '12', '34']

`(?!\S)` needs no more than this: the decision that the pattern has matched is made with the next character. So each
step also says whether the piece could end *before* the character just read; the last such place is its end.
"""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from bpe.automata.code_points import Classes
from bpe.automata.program import Check, Consume, Fork, Match, Program, assemble
from bpe.automata.syntax import NotTranslatableError, parse

DEAD = -1
"""The state in which nothing can match any more."""

_MAX_STATES = 500
_MAX_CLASSES = 200
_State = TypeVar("_State", bound=Hashable)


@dataclass(frozen=True)
class Step:
    """What the automaton does on a symbol."""

    state: int
    """The next state, or DEAD."""
    matched: bool
    """Whether the pattern has matched before this symbol."""


@dataclass(frozen=True, eq=False)  # compared and hashed by identity: `automaton` returns the same one again
class Automaton:
    """A split pattern as an automaton. State 0 is the start of a piece."""

    classes: Classes
    steps: tuple[tuple[Step, ...], ...]
    """By state and symbol: the classes of characters; then `end`, and `final_newline`."""

    @property
    def end(self) -> int:
        """The symbol for the end of the text."""
        return self.classes.count

    @property
    def final_newline(self) -> int:
        """The symbol for a newline with which the text ends."""
        return self.classes.count + 1

    @property
    def knows_final_newline(self) -> bool:
        """Whether such a newline is different from any other; it is in a pattern with `$`."""
        newline = self.classes.of(10)
        return any(row[newline] != row[self.final_newline] for row in self.steps)

    def split(self, text: str) -> Iterator[str]:
        """Yield the pieces of a text. This is what kernels must agree with, as this must with `regex`."""
        symbols = [self.classes.of(ord(character)) for character in text]
        if text.endswith("\n"):
            symbols[-1] = self.final_newline
        symbols.append(self.end)
        begin = position = 0
        while position < len(text):
            end = self._match(symbols, position)
            if end == position:  # no match begins here
                position += 1
                continue
            if begin < position:  # what was skipped is a piece, too
                yield text[begin:position]
            yield text[position:end]
            begin = position = end
        if begin < position:
            yield text[begin:]

    def _match(self, symbols: list[int], begin: int) -> int:
        """Return where the match that begins at `begin` ends; `begin` itself if there is none."""
        state, found = 0, begin
        for position in range(begin, len(symbols)):
            step = self.steps[state][symbols[position]]
            if step.matched:
                found = position
            if step.state == DEAD:
                break
            state = step.state
        return found


@lru_cache(maxsize=64)
def find_automaton(pattern: str) -> Automaton | None:
    """Return the automaton of a pattern, or None if it has none; computed once."""
    try:
        return automaton(pattern)
    except NotTranslatableError:
        return None


@lru_cache(maxsize=64)
def automaton(pattern: str) -> Automaton:
    """Return the automaton of a pattern that the `regex` package accepts.

    Raises:
        NotTranslatableError: it is not in the subset for which there is one, or would be too large, or the pattern can
            match the empty text. The error gives the reason.
    """
    program = assemble(parse(pattern))
    if program.classes.count > _MAX_CLASSES:
        raise NotTranslatableError(f"it distinguishes more than {_MAX_CLASSES} classes of characters")

    def follow(threads: tuple[int, ...], symbol: int) -> tuple[tuple[int, ...] | None, bool]:
        following, matched = _follow(program, threads, symbol)
        return following or None, matched

    start: tuple[int, ...] = (program.start,)
    found = explore(program.classes, start, follow)
    if any(step.matched for step in found.steps[0]):
        raise NotTranslatableError("it can match the empty text")
    return found


def explore(classes: Classes, start: _State, follow: Callable[[_State, int], tuple[_State | None, bool]]) -> Automaton:
    """Return the automaton of all states that can be reached from `start`, without those that do the same as another.

    Args:
        classes: the classes of characters. The symbols are these, the end of the text, and a newline before it.
        start: the state at the beginning of a piece.
        follow: returns for a state and a symbol the next state, or None if nothing can match any more; and whether the
            pattern has matched before the symbol.

    Raises:
        NotTranslatableError: there are too many states.
    """
    queue = [start]
    number_of = {start: 0}
    rows = []
    for state in queue:  # which grows meanwhile
        row = []
        for symbol in range(classes.count + 2):
            following, matched = follow(state, symbol)
            if following is not None and following not in number_of:
                number_of[following] = len(queue)
                queue.append(following)
                if len(queue) > _MAX_STATES:
                    raise NotTranslatableError(f"it needs more than {_MAX_STATES} states")
            row.append(Step(DEAD if following is None else number_of[following], matched))
        rows.append(tuple(row))
    return Automaton(classes, _merge_equal_states(rows))


def certain_states(automaton: Automaton) -> set[int]:
    """Return the states from which there is a match whatever comes next."""
    end = automaton.end
    certain = {state for state, row in enumerate(automaton.steps) if row[end].matched}
    while True:
        failing = {
            state
            for state in certain
            if not all(step.matched or step.state in certain for step in automaton.steps[state])
        }
        if not failing:
            return certain
        certain -= failing


def _follow(program: Program, threads: tuple[int, ...], symbol: int) -> tuple[tuple[int, ...], bool]:
    """Follow all threads over one symbol, in order of preference.

    Returns:
        The instructions that come after it, and whether the pattern has matched before it.
    """
    bit = 1 << symbol
    consumed: dict[int, None] = {}
    seen = set()
    pending = list(reversed(threads))
    while pending:
        number = pending.pop()
        if number in seen:  # reached in a preferred way before
            continue
        seen.add(number)
        match program.instructions[number]:
            case Match():
                return tuple(consumed), True
            case Consume(symbols, then):
                if symbols & bit:
                    consumed[then] = None
            case Check(symbols, then):
                if symbols & bit:
                    pending.append(then)
            case Fork(choices):
                pending += reversed(choices)
    return tuple(consumed), False


def _merge_equal_states(rows: list[tuple[Step, ...]]) -> tuple[tuple[Step, ...], ...]:
    """Merge states from which the same happens whatever comes (Moore's algorithm)."""
    group = [0] * len(rows)
    while True:
        number_of: dict[object, int] = {}
        refined = []
        for state, row in enumerate(rows):
            behaviour = (
                group[state],
                *((group[step.state] if step.state != DEAD else DEAD, step.matched) for step in row),
            )
            refined.append(number_of.setdefault(behaviour, len(number_of)))
        if len(number_of) == len(set(group)):
            break
        group = refined
    representatives = [group.index(number) for number in range(len(set(group)))]
    return tuple(
        tuple(Step(group[step.state] if step.state != DEAD else DEAD, step.matched) for step in rows[state])
        for state in representatives
    )
