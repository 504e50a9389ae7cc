"""What the package shows to the outside, and what it needs from there."""

import ast
import doctest
import importlib
import pkgutil
import sys
from pathlib import Path

import optim


def test_public_names_are_pinned():
    assert optim.__all__ == [
        "SGD",
        "AdamW",
        "Muon",
        "ParameterGroup",
        "Segment",
        "Shape",
        "clip_grad_norm",
        "constant_schedule",
        "cosine_schedule",
        "describe_groups",
        "linear_schedule",
        "newton_schulz",
        "parameter_groups",
        "piecewise_schedule",
        "wsd_schedule",
    ]


def test_every_public_name_exists():
    assert [name for name in optim.__all__ if not hasattr(optim, name)] == []


def test_torch_is_the_only_dependency():
    imported = set()
    for file in Path(optim.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module.partition(".")[0])
    assert imported - set(sys.stdlib_module_names) == {"optim", "torch"}


def test_the_examples_in_the_docstrings():
    modules = [
        optim,
        *(importlib.import_module(f"optim.{entry.name}") for entry in pkgutil.iter_modules(optim.__path__)),
    ]
    results = [doctest.testmod(module) for module in modules]
    assert sum(result.failed for result in results) == 0
    assert sum(result.attempted for result in results) > 0
