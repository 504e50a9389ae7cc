"""Every test runs with the shapes of all annotations checked, so that they tell the truth."""

import importlib.util
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings
from jaxtyping import install_import_hook

sys.path.insert(0, str(Path(__file__).parent))  # for what several test files share
assert "nn" not in sys.modules, "the hook must come before the first import"
# Not in `config`: its own errors, for values that come from files, are what its tests want to see.
_SOURCE = Path(importlib.util.find_spec("nn").origin).parent
_FILES = [file.relative_to(_SOURCE).with_suffix("") for file in _SOURCE.rglob("*.py")]
_MODULES = [".".join(("nn", *file.parts)) for file in _FILES if file.name not in ("config", "__init__")]
install_import_hook(_MODULES, "beartype.beartype")

settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # busy machines
settings.load_profile("default")


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)
