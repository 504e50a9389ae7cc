import hashlib
import json
import os
import sys

import pytest
import torch

from trainer import RunDirectory
from trainer.run.environment import record_environment
from trainer.run.source_revision import SourceRevision

CPU = torch.device("cpu")


@pytest.fixture
def source(monkeypatch):
    """A function that sets the state of the git repository."""

    def set_to(found):
        monkeypatch.setattr("trainer.run.environment.find_source_revision", lambda: found)

    set_to(None)
    return set_to


def sessions(run):
    return json.loads(run.environment.read_text())["sessions"]


def test_the_entry_of_a_session(tmp_path, source, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["train.py", "--training.steps", "3"])
    monkeypatch.setenv("SOME_API_KEY", "hunter2-is-the-key")
    run = RunDirectory(tmp_path)
    entry = record_environment(run, CPU)
    assert sessions(run) == [entry]
    assert torch.__version__.startswith(entry["versions"]["torch"])
    assert entry["versions"]["trainer"] == "0.1.0+lm"
    assert entry["device"] == "cpu"
    assert entry["command"] == ["train.py", "--training.steps", "3"]
    assert entry["cpu_count"] == os.cpu_count()
    assert entry["cpu"]
    assert entry["git"] is None
    assert "hunter2" not in run.environment.read_text()
    if os.path.exists("/proc/meminfo"):
        with open("/proc/meminfo") as file:
            assert entry["memory_bytes"] == int(file.readline().split()[1]) * 1024


def test_each_session_adds_an_entry(tmp_path, source):
    run = RunDirectory(tmp_path)
    for first_step in (0, 100, 250):
        record_environment(run, CPU, first_step)
    assert [entry["first_step"] for entry in sessions(run)] == [0, 100, 250]
    starts = [entry["started"] for entry in sessions(run)]
    assert starts == sorted(starts)
    assert [path.name for path in tmp_path.iterdir()] == ["environment.json"]


def test_each_diff_is_written_once(tmp_path, source):
    run = RunDirectory(tmp_path)
    for diff in (b"", b"one\n", b"one\n", b"\xfftwo\n"):
        source(SourceRevision("abc", diff, False, ["notes.txt"]))
        record_environment(run, CPU)
    found = [entry["git"] for entry in sessions(run)]
    assert [git["diff"] for git in found] == [None, "environment.diff", "environment.diff", "environment.4.diff"]
    assert (tmp_path / "environment.diff").read_bytes() == b"one\n"
    assert (tmp_path / "environment.4.diff").read_bytes() == b"\xfftwo\n"
    assert found[3]["diff_sha256"] == hashlib.sha256(b"\xfftwo\n").hexdigest()
    assert found[0] == {
        "revision": "abc",
        "dirty": True,
        "untracked": ["notes.txt"],
        "diff": None,
        "diff_sha256": None,
        "diff_truncated": False,
    }


def test_the_entry_of_an_early_version_is_kept(tmp_path, source):
    run = RunDirectory(tmp_path)
    run.environment.write_text('{"device": "old"}')
    record_environment(run, CPU, 10)
    assert [entry["device"] for entry in sessions(run)] == ["old", "cpu"]


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"sessions": 3}', b"\xff"])
def test_a_damaged_file_is_renamed(tmp_path, source, damage):
    run = RunDirectory(tmp_path)
    content = damage if isinstance(damage, bytes) else damage.encode()
    run.environment.write_bytes(content)
    record_environment(run, CPU)
    assert len(sessions(run)) == 1
    assert (tmp_path / "environment.json.damaged").read_bytes() == content
