"""Processes that write checkpoints are killed: only the checkpoint that was being written may be lost."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

WORKER = Path(__file__).with_name("crash_worker.py")


@pytest.fixture(scope="module")
def workers(tmp_path_factory):
    """Both kinds of kills, started at the same time."""
    kinds = {"random": (40, 0), "every": (0, 1)}
    started = {
        kind: subprocess.Popen(
            [sys.executable, WORKER, tmp_path_factory.mktemp(kind), kind, *map(str, numbers)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for kind, numbers in kinds.items()
    }
    yield started
    for process in started.values():
        process.kill()
        process.communicate()


def kills(process):
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    found = [json.loads(line) for line in output.splitlines()]
    assert not [kill for kill in found if "error" in kill]
    return found


def check(kill, done):
    """Check that everything left is intact, and that no checkpoint up to step `done` is lost."""
    assert kill["newest"] in (done, done + 1)
    assert kill["newest"] == max(kill["steps"])
    assert kill["steps"] == kill["intact"]
    assert kill["same"]
    assert kill["messages"] == []
    assert kill["hidden"] == 0
    assert 4 in kill["steps"]  # the best
    assert len(kill["steps"]) >= 3  # none is deleted before its successor is written


def test_kills_at_random_moments(workers):
    found = kills(workers["random"])
    assert len(found) == 40
    for kill in found:
        assert kill["status"] == -9
        check(kill, done=max(kill["begin"], kill["written"]))
    assert sum(kill["written"] > 0 for kill in found) > 3  # some had written a checkpoint
    assert sum(kill["temporary"] > 0 for kill in found) > 3  # some were writing one


def test_kills_before_every_system_call(workers):
    """Before each call that opens, writes, syncs, renames or deletes: while recovering, replacing, writing, pruning."""
    *killed, finished = kills(workers["every"])
    assert len(killed) > 40
    for kill in killed:
        assert kill["status"] == -9
        check(kill, done=max(kill["written"], 6))
    assert {kill["newest"] for kill in killed} == {6, 7, 8}
    assert finished["status"] == 0
    assert finished["steps"] == [4, 7, 8]
