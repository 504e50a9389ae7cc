"""SIGTERM and Ctrl-C in the middle of a run."""

import importlib
import json
import os
import signal

import pytest

from trainer import (
    RunDirectory,
    TrainingInterrupted,
    read_metrics,
)

from .run_helpers import changed, figures, interrupt_at, same, state_of, train_run, weights


@pytest.mark.parametrize(
    ("place", "name", "call", "saved"),
    [
        ("loop", "train_step", 7, 7),  # in a step
        ("evaluation", "measure_loss", 1, 10),  # in an evaluation, which is left and made up for
        ("checkpoints.store", "write_checkpoint", 1, 11),  # in a checkpoint: the one of step 10 is finished first
        ("evaluation", "measure_loss", 2, 20),  # in the last evaluation
        ("loop", "train_step", 20, 20),  # in the last step
    ],
)
def test_an_interruption_changes_no_bit(tmp_path, config, monkeypatch, place, name, call, saved):
    config = changed(config, checkpoints={"background": False})
    runs = [RunDirectory(tmp_path / folder) for folder in ("whole", "stopped")]
    for run in runs:
        run.path.mkdir()
    train_run(config, runs[0])
    with pytest.MonkeyPatch.context() as patch:
        interrupt_at(patch, importlib.import_module(f"trainer.{place}"), name, call)
        with pytest.raises(TrainingInterrupted, match=f"SIGTERM: step {saved} is saved"):
            train_run(config, runs[1])
    assert runs[1].latest_checkpoint() == runs[1].checkpoint(saved)
    train_run(config, runs[1], resume=True)
    assert same(weights(runs[0], config, 20), weights(runs[1], config, 20))
    assert figures(runs[0]) == figures(runs[1])
    saved_losses = [
        {name: state_of(run, 20)[name] for name in ("valid_loss", "best_loss", "best_step")} for run in runs
    ]
    assert saved_losses[0] == saved_losses[1]
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_the_best_checkpoint_is_kept_though_its_evaluation_was_interrupted(config, run, monkeypatch):
    """Evaluated only after resuming, it is the best of all the same."""
    from trainer import evaluation

    config = changed(config, training={"steps": 40}, checkpoints={"keep_last": 1, "keep_best": 1, "background": False})
    losses = iter([1.0, 2.0, 3.0, 4.0])

    def measure(*arguments, stop, original=evaluation.measure_loss, **keywords):
        if stop():
            return original(*arguments, stop=stop, **keywords)
        return evaluation.Evaluation(next(losses), 1)

    monkeypatch.setattr(evaluation, "measure_loss", measure)
    with pytest.MonkeyPatch.context() as patch:
        interrupt_at(patch, evaluation, "measure_loss", 1)
        with pytest.raises(TrainingInterrupted, match="step 10 is saved"):
            train_run(config, run)
    assert state_of(run, 10)["valid_loss"] is None
    train_run(config, run, resume=True)
    assert [path.name for path in sorted(run.checkpoints.iterdir())] == ["step_00000010", "step_00000040"]
    assert state_of(run, 40)["best_step"] == 10


def test_an_evaluation_that_was_reported_but_not_saved_is_reported_once(config, run, monkeypatch):
    """A kill between the two: metrics.jsonl knows the loss, the checkpoint of that step does not."""
    interrupt_at(monkeypatch, importlib.import_module("trainer.evaluation"), "measure_loss", 1)
    with pytest.raises(TrainingInterrupted):
        train_run(config, run)
    before = read_metrics(run.metrics)
    with run.metrics.open("a") as file:
        file.write(json.dumps({"step": 10, "valid_loss": 1.5}) + "\n")
    train_run(config, run, resume=True)
    entries = read_metrics(run.metrics)
    assert entries[: len(before)] == before
    assert [entry["step"] for entry in entries if "valid_loss" in entry] == [10, 20]


def test_ctrl_c_that_ends_the_compiler_is_an_interruption(config, run, monkeypatch):
    """On a terminal it reaches the processes that torch has started, too."""
    from trainer.train_state import LossModule

    def forward(self, inputs, targets):
        os.kill(os.getpid(), signal.SIGINT)
        raise RuntimeError("C++ compile error")

    monkeypatch.setattr(LossModule, "forward", forward)
    with pytest.raises(TrainingInterrupted, match="SIGINT: no step was done yet"):
        train_run(config, run)
