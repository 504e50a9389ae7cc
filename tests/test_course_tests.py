"""The command that runs the course's tests, on a small repository of the same layout."""

import hashlib
import json
import subprocess
import sys

import pytest

from course.reasons import EXPECTED, explain, explain_expected
from course.repository import fill_tiktoken_cache, open_repository
from course_tests import main

from .conftest import APPS

ADAPTERS = (
    "def run_swiglu(d_model, d_ff, w1_weight, w2_weight, w3_weight, in_features):\n    raise NotImplementedError\n"
)
TESTS = """
import pytest
import torch
from .adapters import run_linear, run_silu


def test_linear():
    assert run_linear(2, 1, torch.ones(1, 2), torch.tensor([3.0, 4.0])).item() == 7


def test_wrong():
    assert run_silu(torch.zeros(1)).item() == 1


def test_without_its_file():
    open("tests/fixtures/model.pt")


@pytest.mark.xfail
def test_encode_memory_usage():
    raise MemoryError
"""


@pytest.fixture
def repository(tmp_path):
    (tmp_path / "tests" / "fixtures").mkdir(parents=True)
    (tmp_path / "tests" / "__init__.py").touch()
    (tmp_path / "tests" / "adapters.py").write_text(ADAPTERS)
    (tmp_path / "tests" / "test_model.py").write_text(TESTS)
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\naddopts = "-s"\n')
    return tmp_path


def test_their_tests_run_with_our_adapters(repository):
    before = {path: path.read_bytes() for path in repository.rglob("*") if path.is_file()}
    command = [sys.executable, APPS / "course_tests.py", repository]
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 1, finished.stderr
    assert finished.stderr == ""
    assert "tests/test_model.py::test_linear PASSED" in finished.stdout
    summary = finished.stdout.split("what did not pass, and why")[1]
    assert "failed: AssertionError: assert 0.0 == 1" in summary
    assert "failed: model.pt is not in this copy of the course's repository" in summary
    assert f"xfailed: {EXPECTED}\n    test_model.py::test_encode_memory_usage" in summary
    assert "1 passed" in finished.stdout
    assert {path: path.read_bytes() for path in repository.rglob("*") if path.is_file()} == before

    passing = subprocess.run([*command, "-k", "linear"], capture_output=True, text=True)
    assert passing.returncode == 0
    assert "what did not pass" not in passing.stdout


def test_editions(repository):
    assert open_repository(repository).adapters == "course.adapters"
    (repository / "tests" / "adapters.py").write_text("def run_gelu(in_features):\n    raise NotImplementedError\n")
    assert open_repository(repository).adapters == "course.adapters_2024"


def test_mistakes(repository, call, tmp_path):
    assert "has no tests/adapters.py: give the folder of a clone" in call(main, tmp_path / "x").one_line_error()
    assert "FOLDER" in call(main).one_line_error()
    (repository / "tests" / "conftest.py").write_text("class A[:\n")
    assert "uv run --isolated --python" in call(main, repository).one_line_error()
    (repository / "tests" / "conftest.py").unlink()
    (repository / "tests" / "adapters.py").write_text("")
    assert "this edition of the course is not supported" in call(main, repository).one_line_error()


def test_gpt2s_vocabulary_is_put_where_tiktoken_looks(repository, tmp_path):
    fixtures, cache = repository / "tests" / "fixtures", tmp_path / "cache"
    cache.mkdir()
    assert not fill_tiktoken_cache(open_repository(repository), cache)
    (fixtures / "gpt2_vocab.json").write_text(json.dumps({"a": 0}))
    (fixtures / "gpt2_merges.txt").write_text("a b\n")
    assert fill_tiktoken_cache(open_repository(repository), cache)
    address = "https://openaipublic.blob.core.windows.net/gpt-2/encodings/main/vocab.bpe"
    assert (cache / hashlib.sha1(address.encode()).hexdigest()).read_text() == "#version: 0.2\na b\n"
    assert len(list(cache.iterdir())) == 2


def test_reasons():
    assert explain("AssertionError: Array 'array' does not match snapshot for test_linear") is None
    assert explain("ModuleNotFoundError: No module named 'einops'").startswith("einops is not installed")
    assert "while nothing else runs" in explain("assert 2.5 < 1.5\n where end_time - start_time")
    missing = "FileNotFoundError: [Errno 2] No such file or directory: '/a b/tests/fixtures/sample_5M.txt'"
    assert explain_expected(missing).startswith("sample_5M.txt is not in this copy")
