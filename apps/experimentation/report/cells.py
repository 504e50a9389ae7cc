"""Values as cells of tables."""

import math
from typing import Any

from experimentation.report.document import Cell, Code


def shown(value: Any) -> Cell:
    r"""Return a value as a cell.

    >>> [shown(value) for value in (None, True, 1_234_567, 0.123456, 6.8, 1e-23, 123456.7, "a")]
    ['', 'yes', '1,234,567', '0.1235', '6.8', '1e-23', '123,457', 'a']
    >>> shown(" the")  # a token, whose space matters
    Code(text=' the')
    >>> print(shown("\n").text)
    \n
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if not math.isfinite(value):
            return "not finite"
        return f"{value:,.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.4g}"
    text = str(value)
    return text if text == text.strip() else Code(text.replace("\n", "\\n").replace("\t", "\\t"))


def words(name: str) -> str:
    """Return the name of a value as words."""
    return name.replace("_", " ")
