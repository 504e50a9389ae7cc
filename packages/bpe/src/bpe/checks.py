"""Checks of arguments that several entry points share."""

from typing import Literal, get_args

Engine = Literal["auto", "textbook", "compiled"]
"""Which code turns text into ids: plain Python, the compiled kernels, or whichever suits the input."""


def check_engine(engine: str) -> None:
    """Refuse what is not an `Engine`.

    Raises:
        ValueError: `engine` is another word.
    """
    if engine not in get_args(Engine):
        raise ValueError(f"engine is {engine!r}: give one of {', '.join(map(repr, get_args(Engine)))}")


def check_num_threads(num_threads: int | None) -> None:
    """Refuse a number of threads that is not positive; None leaves the choice to us.

    Raises:
        ValueError: `num_threads` is neither None nor a positive integer.
    """
    if num_threads is not None and (type(num_threads) is not int or num_threads < 1):
        raise ValueError(f"num_threads is {num_threads!r}: give a positive integer, or None for all processor cores")
