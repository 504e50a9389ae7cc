r"""The automaton of a pattern as one table that a kernel follows from byte to byte, without a branch between pieces.

An `Automaton` stops at the end of each piece. Here the next piece begins in the same step, and the step says where the
borders are:

    text      I   '   m       o   k             "'m" ends where the space is read, which begins " ok";
    borders   ↑   ↑       ↑                     "I" ends where the apostrophe is read

Mostly a piece ends before the character that was just read. Where it ends before the character before that, as with
`\s+(?!\S)` in two spaces and a letter, and this character is a single byte, the border is one byte back, and the next
piece has already two characters. What is further back, as with `\s*\n` in a newline, two spaces and a letter, is not in
the table. Then the step is `AGAIN`: the kernel goes back to where the piece began, and finds its end with the automaton
itself.

A text that a pattern does not match is a piece, too. If it is certain that a match begins at a character, whatever
comes after it, the border is there; otherwise the step is `AGAIN_AFTER_GAP`.
"""

from dataclasses import dataclass

from bpe.automata.determinize import DEAD, Automaton, certain_states

AGAIN, AGAIN_AFTER_GAP = range(2)
"""The rows of the states from which the table does not continue."""

NO_BORDER, BORDER_HERE, BORDER_BACK = 0, 1, 2
"""Flags of a row: whether it was entered by a border before the character that was read, and one byte before that."""

_ASCII = 0x80


@dataclass(frozen=True)
class State:
    """Where a scanner is."""

    number: int | None
    """The state of the automaton; None between two matches; -1 where a piece begins, before its first character."""
    matched_before: int | None
    """The class of the last character, if the pattern has matched before it and it is a single byte."""


_GAP, _START = State(None, None), State(-1, None)


@dataclass(frozen=True)
class ScannerTable:
    """The rows that a scanner follows: AGAIN, AGAIN_AFTER_GAP, the start of a piece (`START_ROW`), and the others."""

    rows: tuple[tuple[int, ...], ...]
    """By row and symbol: the next row. The symbols are those of the automaton, and `continuation`."""
    flags: tuple[int, ...]
    """The flags of each row."""

    @property
    def continuation(self) -> int:
        """The symbol of a byte that continues a character."""
        return len(self.rows[0]) - 1


START_ROW = 2


def scanner_table(automaton: Automaton) -> ScannerTable:
    """Return the table of an automaton. It has a row for each combination of a state and flags that can be reached."""
    builder = _Builder(automaton)
    numbers: dict[tuple[State, int], int] = {(_START, NO_BORDER): START_ROW}
    num_symbols = automaton.final_newline + 1
    rows = [(AGAIN,) * (num_symbols + 1), (AGAIN_AFTER_GAP,) * (num_symbols + 1)]
    flags = [NO_BORDER, NO_BORDER]
    queue = [(_START, NO_BORDER)]

    def row_of(state: State, borders: int) -> int:
        if (state, borders) not in numbers:
            numbers[state, borders] = len(numbers) + START_ROW
            queue.append((state, borders))
        return numbers[state, borders]

    for state, borders in queue:  # which grows meanwhile
        flags.append(borders)
        row = []
        for symbol in range(num_symbols):
            step = builder.step(state, symbol)
            again = AGAIN_AFTER_GAP if state == _GAP else AGAIN
            row.append(again if step is None else row_of(*step))
        rows.append((*row, row_of(state, NO_BORDER)))
    return ScannerTable(tuple(rows), tuple(flags))


class _Builder:
    def __init__(self, automaton: Automaton) -> None:
        self._steps = automaton.steps
        self._end = automaton.end
        self._single_bytes = _classes_of_single_bytes(automaton)
        self._certain = certain_states(automaton)

    def step(self, state: State, symbol: int) -> tuple[State, int] | None:
        """Return the next state and the borders that are found, or None if that is decided further back."""
        if state == _START:
            return self._begin(symbol), NO_BORDER
        if state.number is None:
            return self._step_in_gap(symbol)
        found = self._steps[state.number][symbol]
        if found.state != DEAD:
            keeps = found.matched and symbol in self._single_bytes and self._can_fail(found.state)
            return State(found.state, symbol if keeps else None), NO_BORDER
        if found.matched:
            return self._begin(symbol), BORDER_HERE if symbol != self._end else NO_BORDER
        if state.matched_before is None:
            return None
        again = self.step(self._begin(state.matched_before), symbol)
        if again is None or again[1] & BORDER_BACK:
            return None
        return again[0], again[1] | BORDER_BACK

    def _begin(self, symbol: int) -> State:
        """Return the state after the first character of a piece."""
        number = self._steps[0][symbol].state
        return _GAP if number == DEAD else State(number, None)

    def _step_in_gap(self, symbol: int) -> tuple[State, int] | None:
        number = self._steps[0][symbol].state
        if number == DEAD:
            return _GAP, NO_BORDER
        return (State(number, None), BORDER_HERE) if number in self._certain else None

    def _can_fail(self, number: int) -> bool:
        """Return whether some symbol ends the attempt without a match before it."""
        return any(step.state == DEAD and not step.matched for step in self._steps[number])


def _classes_of_single_bytes(automaton: Automaton) -> set[int]:
    """Return the classes all of whose characters are single bytes in UTF-8."""
    classes = automaton.classes
    wide = {number for _, last, number in classes.ranges() if last >= _ASCII}
    return set(range(classes.count)) - wide
