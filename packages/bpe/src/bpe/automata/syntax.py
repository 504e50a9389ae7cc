r"""From a split pattern to a tree of what it matches.

>>> parse(r" ?\d{1,3}").items[1]
Repeat(item=Characters(ranges=((48, 57), ...)), least=1, most=3, kind='greedy')

It reads the parts of the syntax of the `regex` package that published split patterns use: characters, escapes, sets in
brackets, groups (also `(?i:...)`), alternatives, quantifiers, `$`, and look-ahead at one character. Everything else is
an error that names the part: such a pattern stays a regular expression.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import regex

from bpe.automata.code_points import Ranges, complement, contains, matching, union

_NEWLINE = ord("\n")
_MAX_DEPTH = 20
_MAX_REPEATS = 1000


class NotTranslatableError(ValueError):
    """A pattern is not in the subset for which there is an automaton."""


@dataclass(frozen=True)
class Characters:
    """One character of a set."""

    ranges: Ranges


@dataclass(frozen=True)
class Ahead:
    """A condition on what comes next, which is not consumed."""

    ranges: Ranges
    """The character may be one of these."""
    end: bool
    """Whether the text may end here."""
    final_newline: bool
    """Whether the character may be a newline with which the text ends."""


@dataclass(frozen=True)
class Sequence:
    """One part after another."""

    items: "tuple[Node, ...]"


@dataclass(frozen=True)
class Alternatives:
    """The first part that leads to a match."""

    branches: "tuple[Node, ...]"


@dataclass(frozen=True)
class Repeat:
    """A part several times: as often as possible, as rarely as possible, or as often as possible and never less."""

    item: "Node"
    least: int
    most: int | None
    kind: Literal["greedy", "lazy", "possessive"]


Node = Characters | Ahead | Sequence | Alternatives | Repeat

_QUANTIFIER = re.compile(r"(?:[*+?]|\{([0-9]{0,4})(,?)([0-9]{0,4})\})([?+]?)")
_CONTROL = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ESCAPE = re.compile(
    r"\\(?:(?P<category>[sSdDwW]|[pP](?:\{[^{}\\]*\}|[A-Za-z]))"
    r"|(?P<control>[afnrtv])"
    r"|(?:x(?P<x>[0-9A-Fa-f]{2})|u(?P<u>[0-9A-Fa-f]{4})|U(?P<U>[0-9A-Fa-f]{8}))"
    r"|(?P<sign>[^A-Za-z0-9]))",
    re.DOTALL,
)


def parse(pattern: str) -> Node:
    """Parse a pattern, a regular expression that the `regex` package accepts.

    Raises:
        NotTranslatableError: a part of it is not in the subset.
    """
    parser = _Parser(pattern)
    tree = parser.alternatives(ignore_case=parser.accept("(?i)"))
    if parser.position < len(pattern):
        raise parser.refusal("a parenthesis that closes nothing")
    return tree


class _Parser:
    """Reads a pattern from left to right, one method for each rule of the grammar."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self.position = 0
        self._depth = 0

    def accept(self, text: str) -> bool:
        """Skip `text` if it comes next, and return whether it did."""
        if not self._pattern.startswith(text, self.position):
            return False
        self.position += len(text)
        return True

    def refusal(self, part: str) -> NotTranslatableError:
        """Return the error for a part at the current position that cannot be translated."""
        shown = self._pattern[self.position : self.position + 20]
        return NotTranslatableError(f"at character {self.position}, {shown!r}, there is {part}")

    def _ends(self) -> bool:
        return self.position >= len(self._pattern) or self._pattern[self.position] == ")"

    def alternatives(self, *, ignore_case: bool) -> Node:
        """Alternatives: sequences with | between them."""
        branches = [self._sequence(ignore_case)]
        while self.accept("|"):
            branches.append(self._sequence(ignore_case))
        return branches[0] if len(branches) == 1 else Alternatives(tuple(branches))

    def _sequence(self, ignore_case: bool) -> Node:
        items = []
        while not self._ends() and self._pattern[self.position] != "|":
            items.append(self._quantified(ignore_case))
        return items[0] if len(items) == 1 else Sequence(tuple(items))

    def _quantified(self, ignore_case: bool) -> Node:
        item = self._atom(ignore_case)
        quantifier = _QUANTIFIER.match(self._pattern, self.position)
        if quantifier is None or quantifier.group().startswith(("{}", "{,}")):
            return item
        least, comma, most, suffix = quantifier.groups()
        sign = quantifier.group()[0]
        low = int(least or 0) if sign == "{" else int(sign == "+")
        high = (int(most) if most else None if comma else low) if sign == "{" else 1 if sign == "?" else None
        if max(low, high or 0) > _MAX_REPEATS:
            raise self.refusal(f"a repetition of more than {_MAX_REPEATS} times")
        if suffix == "+" and not isinstance(item, Characters):
            raise self.refusal("a possessive quantifier after more than one character")
        if isinstance(item, Ahead) or (can_be_empty(item) and (high is None or high > 1)):
            raise self.refusal("a repetition of what may be empty")
        self.position = quantifier.end()
        if _QUANTIFIER.match(self._pattern, self.position):
            raise self.refusal("a second quantifier")
        kind: Literal["greedy", "lazy", "possessive"] = (
            "possessive" if suffix == "+" else "lazy" if suffix else "greedy"
        )
        return Repeat(item, low, high, kind)

    def _atom(self, ignore_case: bool) -> Node:
        sign = self._pattern[self.position]
        if sign == "(":
            return self._group(ignore_case)
        if sign == "[":
            return self._set(ignore_case)
        if self.accept("$"):
            return Ahead((), end=True, final_newline=True)
        if self.accept(r"\Z"):
            return Ahead((), end=True, final_newline=False)
        if self.accept("."):
            return Characters(complement(((_NEWLINE, _NEWLINE),)))
        if sign in "^*+?{":
            raise self.refusal(f"the sign {sign}")
        begin = self.position
        ranges = self._escape(ignore_case) if sign == "\\" else self._literal()
        return Characters(matching(f"(?i:{_quoted(self._pattern[begin : self.position])})") if ignore_case else ranges)

    def _literal(self) -> Ranges:
        code_point = ord(self._pattern[self.position])
        self.position += 1
        return ((code_point, code_point),)

    def _escape(self, ignore_case: bool) -> Ranges:
        escape = _ESCAPE.match(self._pattern, self.position)
        if escape is None:
            raise self.refusal("an escape that has no automaton")
        if escape["category"]:
            found = matching(escape.group())
            # What `(?i:\p{Lu})` matches depends on what else is in the pattern: "ﬁ" if there is nothing, else not.
            if ignore_case and matching(f"(?i:{escape.group()})") != found:
                raise self.refusal("a property that depends on case where case is ignored")
            self.position = escape.end()
            return found
        self.position = escape.end()
        hexadecimal = escape["x"] or escape["u"] or escape["U"]
        code_point = int(hexadecimal, 16) if hexadecimal else ord(_CONTROL.get(escape.group()[1], escape.group()[1]))
        return ((code_point, code_point),)

    def _set(self, ignore_case: bool) -> Characters:
        begin = self.position
        self.accept("[")
        is_negated = self.accept("^")
        found: list[Ranges] = []
        while not found or not self.accept("]"):
            if self._pattern.startswith(("--", "&&", "~~", "||", "["), self.position):
                raise self.refusal("a set in a set")
            item = self._set_item(ignore_case)
            if self._pattern[self.position] == "-" and self._pattern[self.position + 1] != "]":
                self.refuse_set_difference()
                self.accept("-")
                last = self._set_item(ignore_case)
                item = ((item[0][0], last[-1][1]),)
            found.append(item)
        if ignore_case:
            return Characters(matching(f"(?i:{self._pattern[begin : self.position]})"))
        ranges = union(found)
        return Characters(complement(ranges) if is_negated else ranges)

    def refuse_set_difference(self) -> None:
        """Raise an error at two hyphens, which may mean the difference of two sets."""
        if self._pattern.startswith("--", self.position):
            raise self.refusal("a set in a set")

    def _set_item(self, ignore_case: bool) -> Ranges:
        return self._escape(ignore_case) if self._pattern[self.position] == "\\" else self._literal()

    def _group(self, ignore_case: bool) -> Node:
        begin = self.position
        look: Callable[[Node], Ahead] | None = None
        if self.accept("(?="):
            look = self._condition
        elif self.accept("(?!"):
            look = self._negated_condition
        elif self.accept("(?i:"):
            ignore_case = True
        elif not self.accept("(?:") and (self._pattern.startswith(("(?", "(*"), begin) or not self.accept("(")):
            raise self.refusal("a group that has no automaton")
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise self.refusal(f"a group in more than {_MAX_DEPTH} others")
        inner = self.alternatives(ignore_case=ignore_case)
        self._depth -= 1
        if not self.accept(")"):
            raise self.refusal("the end of the pattern inside a group")
        return look(inner) if look else inner

    def _condition(self, node: Node) -> Ahead:
        branches = node.branches if isinstance(node, Alternatives) else (node,)
        conditions = []
        for branch in branches:
            if isinstance(branch, Characters):
                ranges = branch.ranges
                branch = Ahead(ranges, end=False, final_newline=contains(ranges, _NEWLINE))
            if not isinstance(branch, Ahead):
                raise self.refusal("a look-ahead at more than one character")
            conditions.append(branch)
        return Ahead(
            union(condition.ranges for condition in conditions),
            end=any(condition.end for condition in conditions),
            final_newline=any(condition.final_newline for condition in conditions),
        )

    def _negated_condition(self, node: Node) -> Ahead:
        found = self._condition(node)
        return Ahead(complement(found.ranges), end=not found.end, final_newline=not found.final_newline)


def _quoted(source: str) -> str:
    """Return the source of one character so that it means itself inside other syntax."""
    return source if source.startswith("\\") else regex.escape(source)


def can_be_empty(node: Node) -> bool:
    """Return whether a part may match without consuming a character."""
    match node:
        case Characters():
            return False
        case Ahead():
            return True
        case Sequence(items):
            return all(map(can_be_empty, items))
        case Alternatives(branches):
            return any(map(can_be_empty, branches))
        case Repeat(item, least):
            return least == 0 or can_be_empty(item)
