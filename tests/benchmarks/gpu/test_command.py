"""The script for GPUs from the command line, and the processes of its parts."""

import json

import pytest
import torch

from benchmarks.gpu import command, schedule
from benchmarks.gpu.parts import PARTS


def test_from_the_command_line_to_the_files(tmp_path, capsys):
    options = ["--tiny", "--device", "cpu", "--out", str(tmp_path)]
    command.main([*options, "--part", "attention", "--part", "heads"])
    written = json.loads((tmp_path / "results.json").read_text("utf-8"))["sections"]["gpu"]
    assert list(written["parts"]) == ["heads", "attention"]  # in the order of importance
    assert written["parts"]["attention"]["ended"] == "done"
    assert written["parts"]["attention"]["rows"]
    assert str(tmp_path) not in json.dumps(written["command"])  # folders of this machine mean nothing on others
    assert (tmp_path / "results.md").read_text("utf-8").startswith("# On a GPU\n")
    assert not (tmp_path / "scratch").exists()
    printed = capsys.readouterr().out
    assert "not measured: --part left it out" in printed
    command.main(["--results", str(tmp_path / "results.json")])
    assert capsys.readouterr().out == printed


def test_a_part_that_takes_too_long_and_one_that_fails(request_of, monkeypatch):
    monkeypatch.setitem(PARTS, "generation", PARTS["generation"]._replace(seconds=0.2))
    monkeypatch.setitem(PARTS, "unknown", PARTS["generation"]._replace(seconds=60))
    ended = {}
    names = ["generation", "unknown"]
    schedule.run_parts(names, request_of(""), 600, lambda name, result: ended.update({name: result["ended"]}))
    assert ended["generation"] == "stopped after 0 s"
    assert ended["unknown"].startswith("failed: ModuleNotFoundError: No module named 'benchmarks.gpu.parts.unknown'")


def test_no_part_is_started_when_the_time_is_over(request_of):
    found = schedule.run_parts(["step", "heads"], request_of(""), 0.0, lambda _name, _result: None)
    assert {result["ended"] for result in found.values()} == {"not measured: no time was left"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--device", "cpu"], "add --tiny"),
        (["--tiny", "--write-docs", "--device", "cpu"], "remove --write-docs or --tiny"),
        (["--part", "lunch"], "invalid choice: 'lunch'"),
        (["--tiny", "--device", "cpu", "--tokens", "none.bin"], "none.bin, which is not a file"),
        (["--tiny", "--device", "cpu", "--minutes", "0"], "--minutes is 0.0"),
        (["--results", __file__], "is not a file of results"),
    ],
)
def test_mistakes_are_one_line(one_line_error, arguments, message):
    assert message in one_line_error(command.main, arguments)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_does_not_exist_is_refused(one_line_error):
    assert "torch finds no GPU" in one_line_error(command.main, [])
