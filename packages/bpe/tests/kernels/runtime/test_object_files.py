"""Where machine code is kept, which files are trusted, and what happens where none can be written."""

import os
import shutil
import sys
from pathlib import Path

import pytest

pytest.importorskip("numba", reason="needs numba")
from bpe.kernels import loading
from bpe.kernels.runtime import cache_files, object_files

from ..conftest import NAME


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:100],
        lambda content: content[:-1],
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda content: content.replace(b"bpe kernel 1", b"bpe kernel 2"),
        lambda content: content[:20] + bytes([content[20] ^ 1]) + content[21:],
        lambda content: content + b"\0",
        lambda content: object_files._MAGIC,
        lambda content: b"\n" * 200,
    ],
)
def test_a_damaged_file_is_compiled_again_and_replaced(cache, load_again, damage):
    loading.kernel(NAME)
    right = cache.file.read_bytes()
    cache.file.write_bytes(damage(right))
    load_again()
    assert cache.compiled == [NAME, NAME]
    assert cache.file.read_bytes() == right
    load_again()
    assert cache.compiled == [NAME, NAME]


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="permissions of POSIX")
@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666, 0o622])
def test_a_file_that_others_may_write_is_not_used(cache, load_again, mode):
    loading.kernel(NAME)
    cache.file.chmod(mode)
    load_again()
    assert cache.compiled == [NAME, NAME]
    load_again()
    assert cache.compiled == [NAME, NAME]  # because it was replaced


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="permissions of POSIX")
def test_the_file_of_another_user_is_not_used(cache, load_again, monkeypatch):
    loading.kernel(NAME)
    owner = cache.file.stat().st_uid
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    load_again()
    assert cache.compiled == ([NAME] if owner == 0 else [NAME, NAME])


def test_only_this_user_may_write_the_file_and_its_folder(cache):
    loading.kernel(NAME)
    assert (cache.file.stat().st_mode & 0o022, cache.folder.stat().st_mode & 0o077) == (0, 0)


def key():
    return object_files._key.__wrapped__()


def test_the_key_changes_with_every_source_file(monkeypatch, tmp_path):
    """In every folder of `bpe.kernels`: code compiled from other sources must never be loaded."""
    expected = key()
    assert key() == expected
    kernels = tmp_path / "kernels"
    shutil.copytree(object_files._KERNELS, kernels, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(object_files, "_KERNELS", kernels)
    assert key() == expected
    sources = sorted(kernels.rglob("*.py"))
    assert {path.relative_to(kernels).parts[0] for path in sources} >= {"runtime", "scanning", "encoding", "training"}
    keys = [expected]
    for source in sources:
        content = source.read_bytes()
        source.write_bytes(content + b"# changed\n")
        keys.append(key())
        source.write_bytes(content)
        renamed = source.rename(source.with_name(f"{source.stem}_.py"))
        keys.append(key())
        renamed.rename(source)
    (kernels / "encoding" / "merge.py").rename(kernels / "training" / "merge.py")
    keys.append(key())
    assert len(set(keys)) == len(keys)


def test_the_key_changes_with_every_version(monkeypatch):
    keys = [key()]
    for name in ("numba", "llvmlite", "numpy"):
        with monkeypatch.context() as patch:
            patch.setattr(object_files, "_version", lambda package, name=name: "99" if package == name else "1")
            keys.append(key())
    monkeypatch.setattr("platform.python_version", lambda: "3.99")
    keys.append(key())
    assert len(set(keys)) == len(keys)


def test_the_folders(monkeypatch, tmp_path):
    for name in ("BPE_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    package = Path(loading.__file__).parent / "__pycache__"
    monkeypatch.setattr(sys, "platform", "linux")
    assert list(cache_files.folders()) == [tmp_path / ".cache" / "bpe-kernels", package]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert next(cache_files.folders()) == tmp_path / "xdg" / "bpe-kernels"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # the XDG specification says to ignore it
    assert next(cache_files.folders()) == tmp_path / ".cache" / "bpe-kernels"
    monkeypatch.setenv("BPE_CACHE_DIR", str(tmp_path / "named"))
    assert next(cache_files.folders()) == tmp_path / "named"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert list(cache_files.folders())[1] == tmp_path / "Library" / "Caches" / "bpe-kernels"


def test_the_next_folder_is_used_where_the_first_is_a_file(cache, load_again, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    folders = [tmp_path / "file", tmp_path / "file" / "below", cache.folder]
    monkeypatch.setattr(cache_files, "folders", lambda: iter(folders))
    loading.kernel(NAME)
    load_again()
    assert cache.compiled == [NAME]
    assert cache.file.is_file()


def test_a_full_disk_leaves_no_file_and_the_kernel_works(cache, load_again, monkeypatch):
    def fails(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fails)
    loading.kernel(NAME)
    assert list(cache.folder.iterdir()) == []
    load_again()
    assert cache.compiled == [NAME, NAME]
