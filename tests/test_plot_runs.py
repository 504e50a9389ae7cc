"""The application that plots runs."""

import json

import pytest

from plot_runs import main


@pytest.fixture
def runs(tmp_path):
    for name, keys in (("one", ("train_loss", "valid_loss")), ("two", ("train_loss",))):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "config.yaml").write_text("{}\n")
        entries = [{"step": step, "seconds": step, **dict.fromkeys(keys, 1 / step)} for step in range(1, 5)]
        (folder / "metrics.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return tmp_path


def test_a_real_run(call, trained_run, tmp_path):
    for by, name in (("step", "a.svg"), ("tokens", "b.png"), ("time", "c.svg")):
        outcome = call(main, trained_run, "--by", by, "--out", tmp_path / name)
        assert outcome.code == 0, outcome
        assert outcome.output == f"1 run: {tmp_path / name}\n"
        assert (tmp_path / name).stat().st_size > 1000


def test_a_run_without_the_metric_is_named(call, runs):
    out = runs / "picture.svg"
    outcome = call(main, runs / "one", runs / "two", "--metric", "valid_loss", "--log-x", "--log-y", "--out", out)
    assert outcome.code == 0
    assert outcome.errors == "note: two is skipped: it has no valid_loss\n"
    assert outcome.output == f"1 run: {out}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["one", "--metric", "los", "--out", "x.png"], "no run has los: choose one of seconds, train_loss, valid_loss"),
        (["one", "--out", "x.gif"], r"x.gif ends in '.gif': choose one of .png, .svg"),
        (["one"], "the following arguments are required: --out"),
        (["missing", "--out", "x.png"], "missing is not a run"),
        (["one", "--by", "hour", "--out", "x.png"], "--by is 'hour': choose one of step, tokens, time"),
        (["one", "--out", "no/where/x.png"], "no/where is not a folder: create it first"),
    ],
)
def test_mistakes_are_one_line(call, runs, monkeypatch, arguments, message):
    monkeypatch.chdir(runs)
    assert message in call(main, *arguments).one_line_error()
    assert not list(runs.glob("x.*"))


def test_damaged_metrics_are_one_line(call, runs):
    path = runs / "one" / "metrics.jsonl"
    path.write_text("{\n" + path.read_text())
    message = call(main, runs / "one", "--out", runs / "x.png").one_line_error()
    assert message.endswith("metrics.jsonl: line 1 is not a JSON object with a step: correct or delete it")
