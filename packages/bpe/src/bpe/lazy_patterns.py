"""Regular expressions that are compiled when they are first used.

Importing `regex` and compiling takes some hundredths of a second. Where kernels split a text, it is not needed.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import regex


class LazyPattern:
    """An expression that `regex` accepts, with the methods of a compiled one that this package uses."""

    def __init__(self, pattern: str) -> None:
        """Take an expression, which must be valid."""
        self.pattern = pattern

    @cached_property
    def compiled(self) -> "regex.Pattern[str]":
        """The compiled expression."""
        import regex

        return regex.compile(self.pattern)

    def __reduce__(self) -> tuple[type["LazyPattern"], tuple[str]]:
        """Pickle the expression alone."""
        return LazyPattern, (self.pattern,)

    def findall(self, text: str) -> list[str]:
        """Return all matches in `text`."""
        return self.compiled.findall(text)

    def finditer(self, text: str) -> "Iterator[regex.Match[str]]":
        """Yield all matches in `text`."""
        return self.compiled.finditer(text)

    def match(self, text: str, begin: int = 0, end: int | None = None) -> "regex.Match[str] | None":
        """Return the match that begins at `begin`, as `regex.Pattern.match` does."""
        return self.compiled.match(text, begin, end)

    def search(self, text: str, begin: int = 0, end: int | None = None) -> "regex.Match[str] | None":
        """Return the first match, as `regex.Pattern.search` does."""
        return self.compiled.search(text, begin, end)
