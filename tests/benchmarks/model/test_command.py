"""The model's benchmark from the command line."""

import json

import pytest
import torch

from benchmarks.model import command


def test_from_the_command_line_to_the_result_file(in_process, tmp_path, capsys):
    options = ["--quick", "--mode", "eager", "--device", "cpu", "--rounds", "1", "--json", str(tmp_path / "out.json")]
    command.main(["loss", *options])
    section = json.loads((tmp_path / "out.json").read_text("utf-8"))["sections"]["loss"]
    assert str(tmp_path) not in json.dumps(section)  # folders of this machine mean nothing on others
    assert [shape["name"] for shape in section["shapes"]] == ["base-32k"]
    assert [row["library"] for row in section["rows"]["rows"]] == [
        *("ours, chunked", "ours, all logits"),
        *("torch, all logits", "torch, chunked"),
    ]
    for row in section["rows"]["rows"]:
        assert row["differs_by"] < 1e-4
        assert row["peak_bytes"] > 0
        assert len(row["turns"]) == 1
    assert "these results mean nothing" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--shape", "gpt5"], "invalid choice: 'gpt5'"),
        (["train", "--rounds", "0"], "'0' is not a positive integer"),
        (["loss", "--shape", "base"], "unrecognized arguments: --shape"),
        (["all", "--quick", "--write-docs"], "--quick measures tiny models"),
        (["report", __file__], "is not a file of results"),
    ],
)
def test_mistakes_are_one_line(one_line_error, arguments, message):
    assert message in one_line_error(command.main, arguments)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_does_not_exist_is_refused(one_line_error):
    assert "torch finds no GPU" in one_line_error(command.main, ["train", "--device", "cuda"])
