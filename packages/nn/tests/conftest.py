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
install_import_hook([f"nn.{file.stem}" for file in _SOURCE.glob("*.py") if file.stem != "config"], "beartype.beartype")

settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # busy machines
settings.load_profile("default")


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)
