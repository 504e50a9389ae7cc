"""The kinds of members: each module runs one kind, with a function `run(settings, seed, workspace) -> Outcome`.

A kind that does not train has a dataclass `Settings`, from which its settings are checked before anything is run.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any

from experimentation.workspace import Outcome, Workspace

Run = Callable[[Mapping[str, Any], int, Workspace], Outcome]
"""Runs a member with its settings and its seed."""


def kind_names() -> list[str]:
    """Return the names of all kinds."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load_kind(name: str) -> Any:
    """Return the module of a kind; only some load torch, and only when they run.

    Raises:
        ValueError: there is no such kind.
    """
    if name not in kind_names():
        raise ValueError(f"there is no kind of member {name!r}: choose one of {', '.join(kind_names())}")
    return importlib.import_module(f"{__name__}.{name}")
