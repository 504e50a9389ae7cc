"""Frozen dataclasses as plain values, which JSON can express, and back.

>>> from bpe.added_tokens import AddedToken
>>> plain = to_plain((AddedToken("<s>", 1), None))
>>> from_plain(plain)
(AddedToken(content='<s>', id=1, special=True, lstrip=False, rstrip=False, single_word=False, normalized=False), None)

This is for files that this package itself has written, not for untrusted ones.
"""

from dataclasses import fields, is_dataclass
from importlib import import_module
from typing import Any

_PACKAGE = "bpe."
_SET = "frozenset"


def to_plain(value: object) -> Any:
    """Return a value as JSON has it. A tuple becomes a list, a dataclass a dictionary of its name and fields.

    Raises:
        TypeError: there is a value of another type in it.
    """
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, tuple):
        return [to_plain(item) for item in value]
    if isinstance(value, frozenset):
        return {_SET: sorted(to_plain(item) for item in value)}
    if is_dataclass(value) and not isinstance(value, type) and type(value).__module__.startswith(_PACKAGE):
        content = {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
        return {f"{type(value).__module__}:{type(value).__qualname__}": content}
    raise TypeError(f"{type(value).__name__} has no plain form")


def from_plain(plain: Any) -> Any:
    """Return the value that `to_plain` was given.

    Raises:
        ValueError: a dataclass is not one of this package.
    """
    if isinstance(plain, list):
        return tuple(from_plain(item) for item in plain)
    if not isinstance(plain, dict):
        return plain
    ((name, content),) = plain.items()
    if name == _SET:
        return frozenset(map(from_plain, content))
    module, _, class_name = name.partition(":")
    found = getattr(import_module(module), class_name, None) if module.startswith(_PACKAGE) else None
    if not is_dataclass(found) or not isinstance(found, type):
        raise ValueError(f"{name} is not a dataclass of this package")
    return found(**{field: from_plain(item) for field, item in content.items()})
