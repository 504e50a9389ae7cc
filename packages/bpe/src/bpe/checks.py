"""Checks of arguments that several functions share."""

import errno
import os
from pathlib import Path
from typing import Literal, get_args

Engine = Literal["auto", "reference", "compiled"]
"""Which code turns text into ids: plain Python, the compiled kernels, or whichever is faster for the input."""

_MAX_NAME, _MAX_PATH = 255, 4095  # of usual file systems, in bytes
_SHOWN = 60  # characters of a text in an error


def check_engine(engine: str) -> None:
    """Raise an error if `engine` is not an `Engine`.

    Raises:
        ValueError: `engine` is something else.
    """
    if engine not in get_args(Engine):
        raise ValueError(f"engine is {engine!r}: give one of {', '.join(map(repr, get_args(Engine)))}")


def check_integer(name: str, value: object, smallest: int | None = None) -> None:
    """Raise an error if `value` is not an integer, or is less than `smallest`.

    Raises:
        ValueError: the error calls the value `name`.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} is {value!r}: give an integer")
    if smallest is not None and value < smallest:
        raise ValueError(f"{name} is {value}: give at least {smallest}")


def check_num_threads(num_threads: int | None) -> None:
    """Raise an error if the number of threads is not positive. None means all processor cores.

    Raises:
        ValueError: `num_threads` is neither None nor a positive integer.
    """
    if num_threads is not None and (type(num_threads) is not int or num_threads < 1):
        raise ValueError(f"num_threads is {num_threads!r}: give a positive integer, or None for all processor cores")


def check_text(text: object) -> None:
    """Raise an error if `text` is not a string.

    Raises:
        ValueError: `text` is of another type.
    """
    if not isinstance(text, str):
        hint = "; decode the bytes first, as in data.decode('utf-8')" if isinstance(text, bytes | bytearray) else ""
        raise ValueError(f"the text is of type {type(text).__name__}: give a str{hint}")


def check_path(path: object, what: str, advice: str) -> Path:
    """Return `path` as a `Path`, if it can be the path of a file. The file need not exist.

    Args:
        path: the argument that the user gave.
        what: what to call it in errors, such as "text_path".
        advice: what a user who gave a text should do instead.

    Raises:
        ValueError: it is neither a string nor path-like, or it is a text rather than a path.
    """
    name = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(name, str):
        raise ValueError(f"{what} is of type {type(path).__name__}: give the path of a file as str or Path; {advice}")
    if not name:
        raise ValueError(f"{what} is an empty string: give the path of a file; {advice}")
    if _cannot_be_path(name) and not os.path.lexists(name):
        shown = name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…"
        raise ValueError(f"{what} is {shown!r}, which is a text and not the path of a file: {advice}")
    return Path(name)


def check_input_path(path: object, what: str, advice: str) -> Path:
    """Return `path` as a `Path`, if a file or folder of this name exists. Arguments are those of `check_path`.

    Raises:
        ValueError: as for `check_path`.
        FileNotFoundError: it does not exist. As the user may have given a text, the message contains `advice`.
    """
    checked = check_path(path, what, advice)
    if not checked.exists():
        raise FileNotFoundError(errno.ENOENT, f"no such file ({advice})", str(checked))
    return checked


def _cannot_be_path(name: str) -> bool:
    """Return whether a string has a line break, or is longer than file systems allow."""
    encoded = name.encode("utf-8", "surrogatepass")
    longest_part = max(map(len, encoded.replace(b"\\", b"/").split(b"/")))
    return any(character in name for character in "\n\r\0") or longest_part > _MAX_NAME or len(encoded) > _MAX_PATH
