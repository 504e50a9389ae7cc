"""The check of settings that several modules share."""

import math


def require_non_negative(name: str, value: float, advice: str) -> None:
    """Refuse a setting that is negative, infinite or NaN.

    Args:
        name: Name of the setting.
        value: The value given.
        advice: What to do about it, as the end of a sentence.

    Raises:
        ValueError: ``value`` is negative, infinite or NaN.
    """
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{name} is {value!r}, but it must be finite and at least 0: {advice}")
