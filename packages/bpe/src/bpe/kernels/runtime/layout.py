"""How the arguments of a kernel are laid out in one array of integers (int64).

An array takes two positions, its address and its length; a number takes one. The modules `layout` of `scanning`,
`encoding` and `training` give a name to each position:

    _positions = Positions(...)
    TEXT = _positions.array()       # the address is at TEXT, the length at TEXT + 1
    PATTERN = _positions.number()

`bpe.compiled.calling.Arguments` writes them, `bpe.kernels.runtime.memory.view` reads them.
"""

TASK = 0
"""Number: what an entry point is to do. The layouts of `encoding` and `training` list the tasks."""

FIRST_FREE = 1
"""The first position after those that all kernels have."""

PADDING = 64
"""Bytes that must be readable after the end of a text, and writable after the end of an output."""


class Positions:
    """Assigns positions in the array of arguments, one after another."""

    def __init__(self, first: int) -> None:
        """Start at the position `first`."""
        self.next = first
        """The first position that is free."""

    def array(self) -> int:
        """Return the position of an array's address; its length comes after it."""
        self.next += 2
        return self.next - 2

    def number(self) -> int:
        """Return the position of a number."""
        self.next += 1
        return self.next - 1
