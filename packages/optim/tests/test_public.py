"""The public names of the package, what importing it loads, and its dependencies."""

import ast
import doctest
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import optim

PUBLIC = [
    "AdamW",
    "Algorithm",
    "Implementation",
    "LearningRateFactors",
    "Muon",
    "MuonScale",
    "NewtonSchulzCoefficients",
    "NewtonSchulzPrecision",
    "ParameterGroup",
    "SGD",
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
WITHOUT_TORCH = [
    "Algorithm",
    "Implementation",
    "MuonScale",
    "NewtonSchulzCoefficients",
    "NewtonSchulzPrecision",
    "Segment",
    "Shape",
    "constant_schedule",
    "cosine_schedule",
    "linear_schedule",
    "piecewise_schedule",
    "wsd_schedule",
]


def test_public_names_are_pinned():
    assert optim.__all__ == PUBLIC
    assert dir(optim) == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_defined_in_a_module(name):
    value = getattr(optim, name)
    if hasattr(value, "__module__") and value.__module__ != "typing":
        assert getattr(importlib.import_module(value.__module__), name) is value


def test_schedules_and_types_of_settings_do_not_load_torch():
    script = f"""
import sys
import optim
assert dir(optim) == {PUBLIC!r}
from optim import {", ".join(WITHOUT_TORCH)}
Segment(10, 0.1)
assert cosine_schedule(5, 1.0, 0.1, 5, 9) == 1.0
loaded = {{"torch", "numpy", "jaxtyping"}} & set(sys.modules)
assert not loaded, loaded
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="Adam"):
        _ = optim.Adam


def test_dependencies_are_the_declared_ones():
    imported = set()
    for file in Path(optim.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module.partition(".")[0])
    assert imported - set(sys.stdlib_module_names) == {"jaxtyping", "lazy_loader", "optim", "torch"}


def test_the_examples_in_the_docstrings():
    modules = [
        optim,
        *(importlib.import_module(f"optim.{entry.name}") for entry in pkgutil.iter_modules(optim.__path__)),
    ]
    results = [doctest.testmod(module) for module in modules]
    assert sum(result.failed for result in results) == 0
    assert sum(result.attempted for result in results) > 0
