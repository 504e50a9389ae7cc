"""What experiments cost before they are run: FLOPs of what is not finished, hours where a speed is known, consent."""

import io
import sys

import pytest
import yaml

import experiments
from experimentation import request, text_sources
from experimentation.cost import Cost, Speed, cost_lines, cost_of, measured_speed
from experimentation.member import RESULT
from experimentation.planning import plan
from experimentation.results import MemberResult, write_result
from experimentation.scales import SCALES, read_scale
from experimentation.table import read_experiments
from nn import ModelConfig
from nn.accounting import training_flops

from .experiment_table import BASE, SCALE, write_table
from .test_experiment_planning import CORPORA

TABLE = {
    "base": BASE,
    "rates": {**BASE, "members": {"base": {}, "hot": {"schedule.max_lr": 1e6}, "long": {"training.steps": 12}}},
    "unicode": {**BASE, "kind": "unicode", "members": {"all": {}}},
}
GPU = read_scale("gpu")


@pytest.mark.parametrize("name", SCALES)
def test_the_whole_of_a_scale_costs_what_its_file_states(name, tmp_path):
    table, scale = read_experiments(scale=name), read_scale(name)
    cost = cost_of(plan(table, table, scale, None), tmp_path, scale)
    assert cost.flops == pytest.approx(scale.training_flops, rel=0.02)
    assert 0 < cost.training < cost.members


def finish(member, directory, seconds, flops, status="finished"):
    result = MemberResult(
        member.member.name, 0, "training", member.fingerprint, {}, status, {"flops": flops}, seconds=seconds
    )
    write_result(result, member.folder(directory) / RESULT)


def test_what_is_finished_costs_nothing_and_gives_the_speed(tmp_path):
    folder = write_table(tmp_path / "table", TABLE)
    table, scale = read_experiments(folder), read_scale("cpu", folder)
    members = plan(table, table, scale, CORPORA)
    base, same, hot, long, _ = members
    model = {"vocab_size": 300, "context_length": 16, "d_model": 16, "num_layers": 1, "num_heads": 2}
    assert SCALE["base"]["model"] == model
    step = training_flops(ModelConfig(**model), 2).total
    assert base.fingerprint == same.fingerprint
    assert cost_of(members, tmp_path, scale) == Cost(4, 3, (6 + 6 + 12) * step)
    assert measured_speed(members, tmp_path) is None

    finish(base, tmp_path, seconds=2.0, flops=600)
    finish(hot, tmp_path, seconds=50.0, flops=600, status="diverged")
    assert cost_of(members, tmp_path, scale) == Cost(2, 1, 12 * step)
    assert measured_speed(members, tmp_path) == Speed(300.0, 1)
    finish(long, tmp_path, seconds=2.0, flops=1200)
    assert measured_speed(members, tmp_path) == Speed(450.0, 2)


def test_hours_follow_from_an_assumption_or_from_a_measured_speed():
    cost = Cost(9, 4, 989.4e12 * 3600)
    unknown = cost_lines(cost, GPU, None, 1, 0.4)
    assert unknown[0] == "cost: 9 members are not finished, 4 of them train, 3.562e+18 FLOPs"
    assert unknown[1].startswith("on an H100: about 2.5 hours, if training reaches 40% of its 989.4 TFLOP/s")
    assert unknown[2].startswith("here: unknown until a member has been trained")
    measured = cost_lines(cost, read_scale("cpu"), Speed(989.4e12, 3), 8, 0.4)
    assert measured[1].startswith("here: about 15.0 minutes, 4 at once, at 9.894e+14 FLOP/s each, the speed of 3 ")
    assert not any("H100" in line for line in measured)
    assert cost_lines(Cost(2, 0, 0.0), GPU, None, 1, 0.4) == [
        "cost: 2 members are not finished, 0 of them train, 0.000e+00 FLOPs"
    ]


@pytest.fixture
def gpu(tmp_path):
    folder = write_table(tmp_path / "table", {"base": BASE})
    return ["base", "--experiments", folder, "--directory", tmp_path / "results", "--scale", "gpu"]


def test_at_scale_gpu_the_cost_comes_first_and_needs_consent(call, tmp_path, gpu, monkeypatch):
    def start(*_):
        raise ValueError("it has started")

    monkeypatch.setattr(text_sources, "make_corpora", start)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    refused = call(experiments.main, "run", *gpu)
    assert refused.output.startswith("cost: 1 members are not finished, 1 of them train, ")
    assert refused.one_line_error() == "at scale gpu this needs consent to the cost above: add --yes to run it"
    assert call(experiments.main, "run", *gpu, "--yes").one_line_error() == "it has started"

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    for answer, message in (("n", "nothing was run"), ("", "nothing was run"), ("y", "it has started")):
        monkeypatch.setattr("builtins.input", lambda _, answer=answer: answer)
        assert call(experiments.main, "run", *gpu).one_line_error().startswith(message)

    monkeypatch.setattr("builtins.input", lambda _: pytest.fail("what is finished costs nothing"))
    monkeypatch.setattr(request, "find_corpora", lambda *_: CORPORA)
    table, scale = read_experiments(tmp_path / "table", "gpu"), read_scale("gpu", tmp_path / "table")
    finish(*plan(table, table, scale, CORPORA), tmp_path / "results", seconds=1.0, flops=1)
    finished = call(experiments.main, "run", *gpu)
    assert finished.output.startswith("cost: 0 members are not finished")
    assert finished.one_line_error() == "it has started"


def test_a_dry_run_needs_no_texts_and_runs_nothing(call, tmp_path, gpu):
    for path in (tmp_path / "table" / "scales").iterdir():
        path.write_text(yaml.safe_dump({**SCALE, "generated_bytes": None}))
    outcome = call(experiments.main, "run", *gpu, "--dry-run")
    assert (outcome.code, outcome.output.splitlines()[1][:8]) == (0, "cost: 1 ")
    assert "note: scale gpu needs a real corpus" in outcome.output
    assert "if training reaches 40%" in outcome.output
    assert not (tmp_path / "results").exists()
    assert "if training reaches 25%" in call(experiments.main, "run", *gpu, "--dry-run", "--mfu", "0.25").output
    impossible = call(experiments.main, "run", *gpu, "--dry-run", "--mfu", "1.5")
    assert "mfu is 1.5: give a fraction above 0" in impossible.one_line_error()
