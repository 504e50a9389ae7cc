"""The benchmarks as their users run them: `python -m benchmarks.NAME` from the root of the repository."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # `python -m` does this; pytest does not


@pytest.fixture
def one_line_error(monkeypatch, capsys):
    """Run a benchmark in this process, with arguments that must be refused, and return the error message."""

    def run(main, arguments):
        from benchmarks.common import command_line

        monkeypatch.setattr(sys, "argv", ["benchmark", *map(str, arguments)])
        with pytest.raises(SystemExit) as exited:
            command_line.run(main)
        lines = capsys.readouterr().err.splitlines()
        assert exited.value.code == 2
        assert len(lines) == 1, lines
        assert lines[0].startswith("error: ")
        return lines[0].removeprefix("error: ")

    return run


@pytest.fixture
def section_head():
    """What every section starts with, as `results.section_head` returns it."""
    return {
        "command": "python -m benchmarks.example all",
        "date": "2024-01-01 00:00 UTC",
        "machine": {"processor": "A", "cores": 2, "memory_bytes": 2**33, "system": "Linux", "python": "3.11"},
        "versions": {"torch": "2", "rustbpe": None},
        "repetitions": 3,
    }
