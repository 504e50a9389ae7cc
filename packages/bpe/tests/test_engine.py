"""Which engine is used, with and without the packages that the kernels need."""

import os
import subprocess
import sys
import warnings

import pytest

from bpe import Tokenizer, engine
from bpe.engine import FROM_FILE, FROM_MEMORY, FROM_SOURCE, LARGE, use_kernels
from bpe.kernels import loading

BYTES = {byte: bytes([byte]) for byte in range(256)}


@pytest.fixture(autouse=True)
def _fresh():
    engine.kernels_installed.cache_clear()
    engine._advise.cache_clear()
    yield
    engine.kernels_installed.cache_clear()
    engine._advise.cache_clear()


@pytest.fixture
def without_numba(monkeypatch):
    """As if the extra were not installed."""
    monkeypatch.setattr(engine, "find_spec", lambda name: None if name == "numba" else object())
    monkeypatch.setattr(loading, "find_spec", engine.find_spec)
    monkeypatch.setattr(loading, "_loaded", {})
    for name in [name for name in sys.modules if name.split(".")[0] in ("numba", "llvmlite")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.setitem(sys.modules, "llvmlite", None)


@pytest.mark.parametrize("kept", [False, True])
def test_the_faster_engine_is_chosen(monkeypatch, kept):
    monkeypatch.setattr(engine, "kernels_installed", lambda: True)
    monkeypatch.setattr(loading, "is_kept", lambda name: kept)

    def chosen(num_bytes, ready=False, asked="auto"):
        return use_kernels(asked, num_bytes, "encode16", ready=ready)

    assert not chosen(FROM_MEMORY - 1, ready=True)
    assert chosen(FROM_MEMORY, ready=True)
    assert not chosen(FROM_FILE - 1)
    assert chosen(FROM_FILE) is kept
    assert chosen(FROM_SOURCE - 1) is kept
    assert chosen(FROM_SOURCE)
    assert not chosen(FROM_SOURCE, ready=True, asked="reference")
    assert chosen(0, asked="compiled")


def test_without_numba_there_is_one_warning_for_large_work(without_numba):
    assert not use_kernels("auto", LARGE - 1, "encode16", ready=False)
    with pytest.warns(UserWarning, match=r"install .*bpe\[fast\]"):
        assert not use_kernels("auto", LARGE, "encode16", ready=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not use_kernels("auto", 10 * LARGE, "encode16", ready=False)


def test_everything_works_without_numba(without_numba, tmp_path):
    tokenizer = Tokenizer(BYTES, [])
    text = "to be, or not " * 100_000
    assert len(text) > FROM_FILE
    assert tokenizer.encode(text) == list(text.encode())
    assert tokenizer.encode_batch([text, "x"], num_threads=2) == [list(text.encode()), [120]]
    path = tmp_path / "text"
    path.write_text(text)
    assert tokenizer.encode_file_to_numpy(path, num_threads=2).tolist() == list(text.encode())


def test_the_error_for_a_missing_extra_says_what_to_install(without_numba, tmp_path):
    tokenizer = Tokenizer(BYTES, [], engine="compiled")
    path = tmp_path / "text"
    path.write_text("text")
    for call in (
        tokenizer.encode,
        tokenizer.count_tokens,
        tokenizer.encode_to_numpy,
        lambda x: tokenizer.encode_batch([x]),
    ):
        with pytest.raises(ValueError, match=r"install .*bpe\[fast\]"):
            call("text")
    with pytest.raises(ValueError, match=r"install .*bpe\[fast\]"):
        tokenizer.encode_file_to_numpy(path)
    with pytest.raises(loading.KernelsMissingError, match=r"install bpe\[fast\]"):
        loading.kernel("encode16")


def test_an_unknown_engine_is_an_error():
    with pytest.raises(ValueError, match=r"'fast'.*'auto', 'reference', 'compiled'"):
        Tokenizer(BYTES, [], engine="fast")


LOADED = """
import sys
{work}
print(*sorted({{"numba", "numpy", "llvmlite"}} & set(sys.modules)), file=sys.stderr)
"""
PAGE = """
from bpe import Tokenizer
tokenizer = Tokenizer.load(sys.argv[1])
ids = tokenizer.encode("Once upon a time. " * 200)
assert tokenizer.encode_batch(["Once"] * 9) and list(tokenizer.encode_iterable(["a b"])) and tokenizer.decode(ids)
"""
LARGE_TEXT = """
from bpe import Tokenizer
tokenizer = Tokenizer.load(sys.argv[1])
text = "Once upon a time. " * 100_000
assert tokenizer.decode(tokenizer.encode(text)) == text
assert tokenizer._encoder is not None
"""
COMMAND = """
from bpe.cli import main
main(["encode", sys.argv[1], sys.argv[2], "--out", sys.argv[2] + ".ids"])
"""


@pytest.fixture
def kernels_in_files():
    pytest.importorskip("numba", reason="needs numba")
    for name in ("tables", "encode16"):
        loading.kernel(name)


@pytest.mark.parametrize(
    ("works", "expected"),
    [
        (["import bpe"], ""),
        ([PAGE], ""),
        ([COMMAND], ""),
        ([LARGE_TEXT], "numpy"),
        ([LARGE_TEXT, PAGE], "numpy"),  # tables are kept, and reading the files would take longer
    ],
    ids=["import", "a page", "a command", "a large text", "a page after it"],
)
def test_what_is_loaded(tokenizer, tmp_path, works, expected, kernels_in_files, own_cache):
    path = tmp_path / "tokenizer.json"
    tokenizer.save(path)
    text = tmp_path / "text"
    text.write_text("Once upon a time. " * 100)
    environment = {**os.environ, "BPE_CACHE_DIR": str(own_cache)}
    for work in works:
        command = [sys.executable, "-c", LOADED.format(work=work), str(path), str(text)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 0, done.stderr
    # Without a C compiler, LLVM links the kernels.
    assert done.stderr.split("\n")[-2].removeprefix("llvmlite ") == expected
