"""Processes that write checkpoints are killed: nothing is lost but the checkpoint that was being written."""

import json
import subprocess
import sys
from pathlib import Path

WORKER = Path(__file__).with_name("crash_worker.py")


def kills(*arguments):
    done = subprocess.run([sys.executable, WORKER, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert not [kill for kill in found if "error" in kill]
    return found


def check(kill, done):
    """Whether all that is left is whole, and nothing is lost of what was `done`."""
    assert kill["newest"] in (done, done + 1)
    assert kill["newest"] == max(kill["steps"])
    assert kill["steps"] == kill["whole"]
    assert kill["same"]
    assert kill["messages"] == []
    assert kill["hidden"] == 0
    assert 4 in kill["steps"]  # the best
    assert len(kill["steps"]) >= 3  # none is deleted before its successor is there


def test_kills_at_random_moments(tmp_path):
    found = kills(tmp_path, "random", 40, 0)
    assert len(found) == 40
    for kill in found:
        assert kill["status"] == -9
        check(kill, done=max(kill["begin"], kill["told"]))
    assert sum(kill["told"] > 0 for kill in found) > 3  # some got somewhere
    assert sum(kill["left_over"] > 0 for kill in found) > 3  # some were in the midst of writing


def test_kills_between_any_two_steps_of_writing(tmp_path):
    """Before each call that opens, writes, syncs, renames or deletes: bringing back, replacing, writing, pruning."""
    *killed, whole = kills(tmp_path, "every", 0, 1)
    assert len(killed) > 40
    for kill in killed:
        assert kill["status"] == -9
        check(kill, done=max(kill["told"], 6))
    assert {kill["newest"] for kill in killed} == {6, 7, 8}
    assert whole["status"] == 0
    assert whole["steps"] == [4, 7, 8]
