"""A cache folder for kernels that is empty, and a compiler that compiles nothing and counts its calls."""

import time
from pathlib import Path
from typing import NamedTuple

import pytest

NAME = "tables"
"""The kernel that the tests of this folder load."""


class Cache(NamedTuple):
    folder: Path
    compiled: list[str]
    """The names of the kernels that were compiled."""

    @property
    def file(self):
        (path,) = self.folder.glob("*.kernel")
        return path


@pytest.fixture(scope="session")
def kept(kernels):
    """The file of a kernel, compiled if necessary."""
    pytest.importorskip("numba", reason="needs numba")
    from bpe.kernels import loading
    from bpe.kernels.runtime.object_files import find_file

    loading.kernel(NAME)
    path = find_file(NAME)
    assert path is not None
    return path


@pytest.fixture
def cache(kept, tmp_path, monkeypatch):
    """An empty cache; "compiling" takes the object code that the session has compiled already."""
    from bpe.kernels import loading
    from bpe.kernels.runtime import cache_files, object_files

    symbol, code = object_files.read_object(NAME)
    compiled = []

    def compile_it(name):
        compiled.append(name)
        time.sleep(0.05)  # so that threads overlap
        object_files.write_object(name, symbol, code)
        return loading.link(symbol, code)

    monkeypatch.setattr(loading, "_compile", compile_it)
    monkeypatch.setattr(loading, "_loaded", {})
    monkeypatch.setattr(cache_files, "folders", lambda: iter([tmp_path / "cache"]))
    return Cache(tmp_path / "cache", compiled)


@pytest.fixture
def load_again(monkeypatch):
    """Load the kernel as a new process would."""
    from bpe.kernels import loading

    def load_again():
        monkeypatch.setattr(loading, "_loaded", {})
        return loading.kernel(NAME)

    return load_again
