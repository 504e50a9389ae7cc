r"""Normalizers: how a text is changed before it is split, for tokenizers whose files ask for it.

A normalizer is a list of steps, applied in order. Each changes a whole text:

>>> normalizer = Normalizer([UnicodeForm("NFC"), Lowercase(), Prepend("_")])
>>> normalizer.apply("Cafe\u0301 No 1")
'_café no 1'

The meaning of a step is the one it has in the `tokenizers` library; the Unicode version is that of Python.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from bpe.lazy_patterns import LazyPattern

_MIN_BUFFER = 4096  # characters to collect before searching for a place to cut
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_LAST_ASCII = LazyPattern(r"(?r)[\x00-\x7f]")

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]


@dataclass(frozen=True)
class UnicodeForm:
    """A normalization form of the Unicode standard (annex 15), such as NFC, which composes letters and accents."""

    form: Form

    def apply(self, text: str) -> str:
        """Return the text in this form."""
        if text.isascii():
            return text
        # A stretch may combine with the character before it. What is only ASCII is copied, which is faster.
        parts, end = [], 0
        for wide in _NOT_ASCII.finditer(text):
            begin = max(0, wide.start() - 1)
            parts += [text[end:begin], unicodedata.normalize(self.form, text[begin : wide.end()])]
            end = wide.end()
        return "".join([*parts, text[end:]])


@dataclass(frozen=True)
class Lowercase:
    """Every character in lower case, whatever its neighbours: a final Σ becomes σ as any other, not ς."""

    def apply(self, text: str) -> str:
        """Return the text in lower case."""
        return text.replace("Σ", "σ").lower()  # Python's rule for a final Σ is its only one that looks at neighbours


@dataclass(frozen=True)
class Strip:
    """White space removed from the beginning, the end, or both."""

    left: bool
    right: bool

    def apply(self, text: str) -> str:
        """Return the text without that white space."""
        begin = _SPACE_AT_START.match(text).end() if self.left else 0  # type: ignore[union-attr]
        end = _SPACE_AT_END.search(text).start() if self.right else len(text)  # type: ignore[union-attr]
        return text[begin : max(begin, end)]


_SPACE_AT_START = LazyPattern(r"\p{White_Space}*")
_SPACE_AT_END = LazyPattern(r"(?r)\p{White_Space}*\Z")


@dataclass(frozen=True)
class Prepend:
    """A string put before a text that is not empty."""

    prefix: str

    def apply(self, text: str) -> str:
        """Return the text with the prefix."""
        return self.prefix + text if text else text


@dataclass(frozen=True)
class Replace:
    """Every occurrence of a string, or every match of a regular expression, replaced."""

    pattern: str
    content: str
    is_regex: bool = False

    def apply(self, text: str) -> str:
        """Return the text with all replacements."""
        if self.is_regex:
            import regex

            return regex.sub(self.pattern, lambda _: self.content, text)
        return text.replace(self.pattern, self.content)


Step = UnicodeForm | Lowercase | Strip | Prepend | Replace


class Normalizer:
    """A list of steps, applied to a complete text (`apply`) or to one that arrives in chunks (`apply_stream`)."""

    def __init__(self, steps: Sequence[Step] = ()) -> None:
        """Wrap the steps, in order; without any, a text is unchanged."""
        self.steps = tuple(steps)
        begins_with = [isinstance(step, Prepend) for step in self.steps]
        num_prefixes = begins_with.index(False) if False in begins_with else len(begins_with)
        self._prefixes, self._rest = self.steps[:num_prefixes], self.steps[num_prefixes:]
        self._is_local = all(_is_local(step, self._rest[i + 1 :]) for i, step in enumerate(self._rest))

    def apply(self, text: str) -> str:
        """Return the normalized text."""
        for step in self.steps:
            text = step.apply(text)
        return text

    def apply_stream(self, chunks: Iterable[str]) -> Iterator[str]:
        """Yield the normalized text of the joined chunks, wherever they were cut.

        Steps for which near characters are enough (all but `Strip`, regular expressions, and strings of several
        characters to replace) are applied to parts: memory is then bounded by the longest stretch without a character
        of ASCII. For the others the text is collected.
        """
        if not self.steps:
            yield from chunks
        elif not self._is_local:
            yield self.apply("".join(chunks))
        else:
            yield from self._apply_to_parts(chunks)

    def _apply_to_parts(self, chunks: Iterable[str]) -> Iterator[str]:
        held, enough, prefixes = "", _MIN_BUFFER, self._prefixes
        for chunk in chunks:
            if chunk:
                for prefix in prefixes:
                    chunk = prefix.apply(chunk)
                prefixes = ()
            held += chunk
            if len(held) < enough:
                continue
            # No form composes or reorders across the left side of an ASCII character.
            found = _LAST_ASCII.search(held)
            cut = found.start() if found else 0
            if cut:
                yield self._apply_rest(held[:cut])
            held = held[cut:]
            enough = max(_MIN_BUFFER, 2 * len(held))  # so that the time is linear for a text without ASCII
        if held:
            yield self._apply_rest(held)

    def _apply_rest(self, text: str) -> str:
        for step in self._rest:
            text = step.apply(text)
        return text


def _is_local(step: Step, later: Sequence[Step]) -> bool:
    """Return whether a text can be cut before an ASCII character without changing what this and later steps do."""
    if isinstance(step, Replace) and not step.is_regex and len(step.pattern) == 1:
        # Later forms compose across the cut unless what replaces the ASCII character begins with one.
        return (step.content[:1].isascii() and step.content != "") or not any(isinstance(s, UnicodeForm) for s in later)
    return isinstance(step, UnicodeForm | Lowercase)
