"""Whether an example prints what its page shows, on any machine.

Words and whole numbers must be equal. Decimal numbers may differ by a twentieth: processors round differently, and
training enlarges the difference. `…` stands for anything within a line, and a line that is only `…` for any lines.
White space does not count.
"""

import math
import re

_DECIMAL = r"-?\d+\.\d+(?:e[+-]?\d+)?"
_RELATIVE, _ABSOLUTE = 0.05, 0.002
_ELLIPSIS = "…"


def difference(shown: str, printed: str) -> str | None:
    """Return how the output differs from the one that is shown, in one sentence; None if it does not."""
    match = re.fullmatch(_pattern(shown), _normal(printed) + "\n")
    if match is None:
        return f"shown is\n{shown}\nbut it prints\n{printed}"
    expected = re.findall(_DECIMAL, _normal(shown))
    for number, found in zip(expected, match.groups(), strict=True):
        if not math.isclose(float(number), float(found), rel_tol=_RELATIVE, abs_tol=_ABSOLUTE):
            return f"shown is {number}, but it prints {found}, in\n{printed}"
    return None


def sample_difference(shown: str, printed: str, vocabulary: set[str]) -> str | None:
    """Compare texts that a model writes, which rounding changes: the same prompt, and mostly words that exist.

    Args:
        shown: the sample on the page.
        printed: what the example prints.
        vocabulary: the words of the text that the model was trained on, in small letters.
    """
    words, expected = _words(printed), _words(shown)
    if words[:2] != expected[:2]:
        return f"shown is a text that begins with {expected[:2]}, but it prints\n{printed}"
    known = sum(word in vocabulary for word in words)
    if len(words) < len(expected) // 4 or known < len(words) // 2:
        return f"of the {len(words)} words that it prints, {known} are words of the training text:\n{printed}"
    return None


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())


def _normal(text: str) -> str:
    """Return the text with single spaces, and without spaces at the ends of lines or empty lines."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def _pattern(shown: str) -> str:
    """Return a regular expression for what may be printed, with a group for each decimal number."""
    lines = []
    for line in _normal(shown).splitlines():
        if line == _ELLIPSIS:
            lines.append(r"(?:.*\n)*?")
            continue
        parts = re.split(f"({_DECIMAL}|{_ELLIPSIS})", line)
        known = (re.escape(part) if i % 2 == 0 else _wildcard(part) for i, part in enumerate(parts))
        lines.append("".join(known) + r"\n")
    return "".join(lines)


def _wildcard(part: str) -> str:
    return ".*?" if part == _ELLIPSIS else f"({_DECIMAL})"
