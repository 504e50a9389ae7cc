"""Public names that are loaded when they are first used.

A package lists them once, in its `__init__.pyi`, which type checkers and editors read too.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path


def lazy_exports(package: str, init_file: str) -> tuple[Callable[[str], object], Callable[[], list[str]], list[str]]:
    """Return `__getattr__`, `__dir__` and `__all__` of a package.

    Args:
        package: its `__name__`.
        init_file: its `__file__`. The file `__init__.pyi` beside it has lines such as
            `from bpe.tokenizer import Tokenizer as Tokenizer`.
    """
    module = ""
    module_of: dict[str, str] = {}
    words = iter(Path(init_file).with_suffix(".pyi").read_text("utf-8").split())
    for word in words:
        if word == "from":
            module = next(words)
        elif word == "as":
            module_of[next(words).rstrip(",")] = module
    names = sorted(module_of)

    def load(name: str) -> object:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(module_of[name]), name)
        setattr(sys.modules[package], name, value)  # where it is found the next time
        return value

    return load, lambda: names, names
