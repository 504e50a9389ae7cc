"""Every test runs with the shapes of all annotations checked, so that they are correct."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import jaxtyping
import pytest
import torch
from hypothesis import HealthCheck, settings
from jaxtyping import install_import_hook

sys.path.insert(0, str(Path(__file__).parent))  # for helpers that several test files share
assert "nn" not in sys.modules, "the hook must come before the first import"
# Not in the configurations: their tests are about their own errors, for values that come from files.
_SOURCE = Path(importlib.util.find_spec("nn").origin).parent
_FILES = [file.relative_to(_SOURCE).with_suffix("") for file in _SOURCE.rglob("*.py")]
_MODULES = [
    ".".join(("nn", *file.parts)) for file in _FILES if file.name not in ("config", "generation_config", "__init__")
]
install_import_hook(_MODULES, "beartype.beartype")

settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # busy machines
settings.load_profile("default")


def pytest_configure(config):
    config.addinivalue_line("markers", "program(name, *arguments): needs the output of this program")


def pytest_collection_modifyitems(items):
    """Run the tests that wait for a program last."""
    items.sort(key=lambda item: item.get_closest_marker("program") is not None)


@pytest.fixture(scope="session", autouse=True)
def _programs(request, tmp_path_factory):
    """Start all programs that tests need, so that they run beside the other tests, which use a single core."""
    wanted = {mark.args for item in request.session.items for mark in item.iter_markers("program")}
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    folder = tmp_path_factory.mktemp("programs")
    running = {}
    for name, *arguments in sorted(wanted):
        printed = folder / f"{name}.txt"
        with printed.open("w") as stdout, printed.with_suffix(".errors").open("w") as stderr:
            command = [sys.executable, Path(__file__).with_name(name), *arguments]
            process = subprocess.Popen(command, stdout=stdout, stderr=stderr, env=environment)
        running[name, *arguments] = process, printed
    yield running
    for process, _ in running.values():
        process.kill()
        process.wait()


@pytest.fixture
def program_lines(request, _programs):
    """The lines that the program of this test has printed, after it has ended without an error."""
    process, printed = _programs[request.node.get_closest_marker("program").args]
    process.wait()
    assert process.returncode == 0, printed.read_text() + printed.with_suffix(".errors").read_text()
    return printed.read_text().splitlines()


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """The tensors are small: threads would mostly wait for each other and for the programs beside the tests."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture
def unchecked():
    """Without the checks of annotations, which would raise first, and which torch.compile cannot trace."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
