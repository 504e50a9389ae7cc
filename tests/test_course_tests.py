"""The command that runs the course's tests, on a small repository of the same layout."""

import hashlib
import json
import os
import subprocess

import pytest

from course.reasons import EXPECTED, explain, explain_expected
from course.repository import ADAPTERS, fill_tiktoken_cache, open_repository
from course_tests import main

THEIR_ADAPTERS = "def run_swiglu(d_model, d_ff):\n    raise NotImplementedError\n"
SMALL_ADAPTERS = """
def run_linear(d_in, d_out, weights, in_features):
    return sum(weight * x for weight, x in zip(weights, in_features))


def run_silu(in_features):
    return in_features
"""
TESTS = """
import pytest
from .adapters import run_linear, run_silu


def test_linear():
    assert run_linear(2, 1, [1, 1], [3, 4]) == 7


def test_wrong():
    assert run_silu(0.0) == 1


def test_without_its_file():
    open("tests/fixtures/model.pt")


@pytest.mark.xfail
def test_encode_memory_usage():
    raise MemoryError


def test_chosen_otherwise():
    raise AssertionError
"""


@pytest.fixture
def repository(tmp_path):
    (tmp_path / "tests" / "fixtures").mkdir(parents=True)
    (tmp_path / "tests" / "__init__.py").touch()
    (tmp_path / "tests" / "adapters.py").write_text(THEIR_ADAPTERS)
    (tmp_path / "tests" / "test_model.py").write_text(TESTS)
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\naddopts = "-s"\n')
    return tmp_path


def test_their_tests_run_with_other_adapters(repository, tmp_path_factory, call, monkeypatch):
    started = []
    real_run = subprocess.run

    def run(command, *, cwd, env, check):  # the adapters of this test load no torch, ours would
        ours = tmp_path_factory.mktemp("adapters")
        (ours / "small_adapters.py").write_text(SMALL_ADAPTERS)
        started.append(env[ADAPTERS])
        env = {**env, ADAPTERS: "small_adapters", "PYTHONPATH": os.pathsep.join([str(ours), env["PYTHONPATH"]])}
        return real_run(command, cwd=cwd, env={**env, "PYTHONDONTWRITEBYTECODE": ""}, check=check)

    monkeypatch.setattr(subprocess, "run", run)
    before = {path: path.read_bytes() for path in repository.rglob("*") if path.is_file()}
    finished = call(main, repository, "-k", "not chosen")
    assert finished.code == 1, finished.errors
    assert started == ["course.adapters"]
    assert "tests/test_model.py::test_linear PASSED" in finished.output
    summary = finished.output.split("what did not pass, and why")[1]
    assert "failed: AssertionError: assert 0.0 == 1" in summary
    assert "failed: model.pt is not in this copy of the course's repository" in summary
    assert f"xfailed: {EXPECTED}\n    test_model.py::test_encode_memory_usage" in summary
    assert "2 failed, 1 passed, 1 deselected, 1 xfailed" in finished.output
    assert {path: path.read_bytes() for path in repository.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(("code", "exit_code"), [(0, 0), (1, 1), (5, 5)])
def test_the_exit_code_is_that_of_pytest(repository, call, monkeypatch, code, exit_code):
    monkeypatch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, code))
    assert call(main, repository, "--details").code == exit_code


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
