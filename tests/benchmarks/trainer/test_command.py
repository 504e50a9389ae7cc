"""The trainer's benchmark from the command line."""

import json

import pytest

from benchmarks.trainer import command, report


@pytest.mark.filterwarnings("ignore:torch.distributed is disabled")  # as intended: there is one process
def test_one_command_measures_everything_and_writes_a_file(tmp_path, capsys, in_process):
    file = tmp_path / "out.json"
    command.main(["all", "--quick", "--steps", "3", "--rounds", "2", "--json", str(file), "--folder", str(tmp_path)])
    found = json.loads(file.read_text("utf-8"))
    assert list(found["sections"]) == ["overhead", "loader", "checkpoints"]
    assert str(tmp_path) not in file.read_text("utf-8")  # folders of this machine mean nothing on others
    assert capsys.readouterr().out.endswith(report.page(found) + "\n")  # after the output of the run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required"),
        (["overhead", "--steps", "0"], "'0' is not a positive integer"),
        (["overhead", "--steps", "1"], "--steps is 1: it must be at least 2"),
        (["overhead", "--rounds", "3"], "unrecognized arguments: --rounds"),
        (["checkpoints", "--folder", "/no/such/folder"], "--folder is /no/such/folder, which is not a folder"),
        (["all", "--quick", "--write-docs"], "--quick measures a tiny model"),
    ],
)
def test_mistakes_are_one_line(one_line_error, arguments, message):
    assert message in one_line_error(command.main, arguments)
