r"""From the tree of a pattern to a list of instructions.

Each instruction names the next one, and a `Fork` names several in order of preference: that is the order in which an
engine that goes back would try them. `a+|ab` becomes

    0  Match
    1  Consume a -> 2
    2  Fork 1, 0         another a is preferred to the end
    3  Consume b -> 0
    4  Consume a -> 3
    5  Fork 1, 4         the start: the first alternative is preferred

The instructions consume *symbols*: classes of characters, and two that characters do not have, the end of the text and
a newline with which the text ends (where `$` matches, too).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from bpe.automata.code_points import Classes, Ranges, divide
from bpe.automata.syntax import (
    Ahead,
    Alternatives,
    Characters,
    Node,
    NotTranslatableError,
    Repeat,
    Sequence,
)

_NEWLINE: Ranges = ((10, 10),)
_MAX_INSTRUCTIONS = 5_000


@dataclass(frozen=True)
class Match:
    """The pattern has matched."""


@dataclass(frozen=True)
class Consume:
    """Go on to the next instruction after a symbol of a set, a bit for each."""

    symbols: int
    then: int


@dataclass(frozen=True)
class Check:
    """Go on if the next symbol is in a set, without consuming it."""

    symbols: int
    then: int


@dataclass(frozen=True)
class Fork:
    """Try these instructions, the preferred one first."""

    choices: tuple[int, ...]


Instruction = Match | Consume | Check | Fork


@dataclass(frozen=True)
class Program:
    """The instructions of a pattern."""

    instructions: tuple[Instruction, ...]
    start: int
    classes: Classes
    end: int
    """The symbol for the end of the text. Smaller ones are classes; the next one is the newline with which it ends."""


def assemble(tree: Node) -> Program:
    """Write the instructions for a tree.

    Raises:
        NotTranslatableError: there would be too many of them.
    """
    sets = list(dict.fromkeys([*_sets(tree), _NEWLINE]))
    classes, members = divide(sets)
    assembler = _Assembler(dict(zip(sets, members, strict=True)), classes.count)
    start = assembler.write(tree, assembler.add(Match()))
    return Program(tuple(assembler.instructions), start, classes, classes.count)


def _sets(node: Node) -> Iterator[Ranges]:
    """Yield the sets of characters that the tree distinguishes."""
    match node:
        case Characters(ranges) | Ahead(ranges):
            yield ranges
        case Sequence(parts) | Alternatives(parts):
            for part in parts:
                yield from _sets(part)
        case Repeat(item):
            yield from _sets(item)


class _Assembler:
    def __init__(self, members: dict[Ranges, list[int]], end: int) -> None:
        self.instructions: list[Instruction] = []
        self._members = members
        self._end, self._final_newline = end, end + 1
        (self._newline,) = members[_NEWLINE]

    def add(self, instruction: Instruction) -> int:
        """Append an instruction and return its number."""
        if len(self.instructions) == _MAX_INSTRUCTIONS:
            raise NotTranslatableError(f"it needs more than {_MAX_INSTRUCTIONS} instructions")
        self.instructions.append(instruction)
        return len(self.instructions) - 1

    def write(self, node: Node, then: int) -> int:
        """Write the instructions for a part, which go on to `then`; return the first of them."""
        match node:
            case Characters():
                return self.add(Consume(self._consumed(node), then))
            case Ahead():
                return self.add(Check(self._allowed(node), then))
            case Sequence(items):
                for item in reversed(items):
                    then = self.write(item, then)
                return then
            case Alternatives(branches):
                return self.add(Fork(tuple([self.write(branch, then) for branch in branches])))
            case Repeat():
                return self._write_repeat(node, then)

    def _write_repeat(self, node: Repeat, then: int) -> int:
        leave = then
        if node.kind == "possessive" and isinstance(node.item, Characters):
            # "As often as possible and never less" means that it stops only where it cannot go on.
            leave = self.add(Check(self._everything & ~self._consumed(node.item), then))
        if node.most is None:
            begin = self.add(Fork(()))  # replaced once the number of the body is known
            body = self.write(node.item, begin)
            self.instructions[begin] = self._choice(node, body, leave)
        else:
            begin = then
            for _ in range(node.most - node.least):
                begin = self.add(self._choice(node, self.write(node.item, begin), leave))
        for _ in range(node.least):
            begin = self.write(node.item, begin)
        return begin

    @staticmethod
    def _choice(node: Repeat, body: int, leave: int) -> Fork:
        return Fork((leave, body) if node.kind == "lazy" else (body, leave))

    @property
    def _everything(self) -> int:
        return (1 << self._final_newline + 1) - 1

    def _consumed(self, node: Characters) -> int:
        members = self._members[node.ranges]
        symbols = sum(1 << number for number in members)
        return symbols | 1 << self._final_newline if self._newline in members else symbols

    def _allowed(self, node: Ahead) -> int:
        symbols = sum(1 << number for number in self._members[node.ranges])
        return symbols | node.end << self._end | node.final_newline << self._final_newline
