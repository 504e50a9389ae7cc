"""A difference between two ways to the same result, as it is reported."""

from dataclasses import dataclass, replace
from typing import Self

_SHOWN = 2_000


class DifferenceError(Exception):
    """Two ways to the same result gave different ones."""

    def __init__(self, check: str, text: str, expected: object, found: object) -> None:
        """State what was compared, for which text, and what came out."""
        super().__init__(check)
        self.check, self.text, self.expected, self.found = check, text, expected, found


@dataclass(frozen=True)
class Difference:
    """What is reported of a difference."""

    number: int
    """The number of the input."""
    check: str
    """What was compared."""
    tokenizer: str
    """What the tokenizer consists of."""
    text: str
    """The text."""
    expected: str
    """The result of the reference, or of the other library."""
    found: str
    """The other result."""

    @classmethod
    def of(cls, error: DifferenceError, number: int, tokenizer: str) -> Self:
        """Return the difference of an error, for an input and a tokenizer."""
        return cls(number, error.check, tokenizer, error.text, repr(error.expected), repr(error.found))

    def with_shorter(self, error: DifferenceError) -> Self:
        """Return the same difference with a shorter text, and the results for it."""
        return replace(self, text=error.text, expected=repr(error.expected), found=repr(error.found))

    def lines(self) -> list[str]:
        """Return the report."""
        fields = {
            "check": self.check,
            "tokenizer": self.tokenizer,
            "text": ascii(self.text),
            "expected": self.expected,
            "found": self.found,
        }
        shown = ((name, value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…") for name, value in fields.items())
        return [f"input {self.number:,} differs", *(f"  {name:<10}{value}" for name, value in shown)]
