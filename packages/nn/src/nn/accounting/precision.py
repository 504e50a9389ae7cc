"""How many bytes a number takes."""

from typing import Literal, get_args

PrecisionScheme = Literal["float32", "bfloat16", "mixed"]
"""float32 or bfloat16 throughout, or mixed: weights in float32, their products in bfloat16 (torch's autocast)."""

_WEIGHT = {"float32": 4, "bfloat16": 2, "mixed": 4}
_ACTIVATION = {"float32": 4, "bfloat16": 2, "mixed": 2}


def weight_bytes(precision: PrecisionScheme) -> int:
    """Return the bytes of a parameter, and of its gradient and each number that the optimizer stores for it."""
    _check(precision)
    return _WEIGHT[precision]


def activation_bytes(precision: PrecisionScheme) -> int:
    """Return the bytes of each number in the result of a matrix product."""
    _check(precision)
    return _ACTIVATION[precision]


def _check(precision: str) -> None:
    if precision not in get_args(PrecisionScheme):
        raise ValueError(f"precision is {precision!r}: choose one of {', '.join(get_args(PrecisionScheme))}")
