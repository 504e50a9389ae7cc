"""Kernels as shared libraries: made where there is a C compiler, and checked before they are loaded."""

import os
import shutil
import subprocess
import sys

import pytest

pytest.importorskip("numba", reason="needs numba")
from bpe.kernels import loading
from bpe.kernels.runtime import object_files, shared_objects

from ..conftest import NAME

pytestmark = pytest.mark.skipif(sys.platform != "linux" or shutil.which("cc") is None, reason="needs Linux and cc")


@pytest.fixture
def library(cache):
    """The library of a kernel, in an empty cache."""
    loading.kernel(NAME)
    (path,) = cache.folder.glob("*.so")
    return path


def load():
    symbol, _ = object_files.read_object(NAME)
    return object_files.load_object(NAME, symbol)


def test_libraries_are_loaded_without_llvm(kept):
    """Two of them: the loader compares names, and would take the second for the first if their names were equal."""
    loading.kernel("encode16")  # so that it is in a file
    code = (
        "import sys\nfrom bpe.kernels import loading\nloading.kernel('tables'), loading.kernel('encode16')\n"
        "print(sorted({'llvmlite', 'numba'} & set(sys.modules)))"
    )
    environment = {**os.environ, "BPE_CACHE_DIR": str(kept.parent)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:-1],
        lambda content: content[:1000] + bytes([content[1000] ^ 1]) + content[1001:],
        lambda content: b"not a library",
    ],
)
def test_a_damaged_library_is_not_loaded(library, damage, load_again, cache):
    library.write_bytes(damage(library.read_bytes()))
    assert load() is None
    load_again()  # with LLVM
    assert cache.compiled == [NAME]


def test_a_file_that_is_no_library_is_not_loaded(library):
    content = b"not a library"
    library.write_bytes(content + shared_objects.checksum([content]))
    assert load() is None


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_a_library_that_others_may_write_is_not_loaded(library, mode):
    library.chmod(mode)
    assert load() is None


def test_another_symbol_is_not_found(library):
    assert object_files.load_object(NAME, "another") is None


def test_without_a_compiler_there_is_no_library(cache, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    loading.kernel(NAME)
    assert list(cache.folder.glob("*.so")) == []
    assert load() is None


def test_what_cannot_be_linked_is_not_kept(cache):
    shared_objects.write_shared("broken.so", b"not object code")
    assert not (cache.folder / "broken.so").exists()
