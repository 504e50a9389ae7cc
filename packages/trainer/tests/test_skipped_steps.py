"""Steps whose loss or gradient is not finite: their update is skipped, counted, and repeated ones stop the run."""

import dataclasses
import importlib
import json
import math

import pytest
import torch

from nn import TransformerLM
from optim import clip_grad_norm
from trainer import DivergedError, OptimizerConfig, load_checkpoint, open_data, read_metrics

from .run_helpers import changed, same, state_of, train_run


def infinite_gradients(monkeypatch, steps):
    """Make the gradients of some steps infinite, as an overflow would."""
    step_module = importlib.import_module("trainer.step")
    count = iter(range(1, 1000))

    def clip(parameters, *arguments, original=clip_grad_norm):
        norm = original(parameters, *arguments)
        if next(count) in steps:
            for parameter in parameters:
                parameter.grad.fill_(math.inf)
            norm = norm * math.inf
        return norm

    monkeypatch.setattr(step_module, "clip_grad_norm", clip)


def test_steps_without_finite_gradient_are_skipped_and_counted(config, run, monkeypatch):
    """The loss is that of the weights before the update, so it can be fine when the update is not."""
    infinite_gradients(monkeypatch, {3, 4, 12})
    result = train_run(config, run)
    assert all(parameter.isfinite().all() for parameter in result.model.parameters())
    entries = read_metrics(run.metrics)
    assert entries[-2]["skipped_steps"] == 3
    assert "skipped_steps" not in entries[0]
    log = run.log.read_text()
    assert [f"step {step} was skipped" in log for step in (3, 4, 12)] == [True] * 3
    assert log.count("was skipped: loss or gradient is not finite") == 3


@pytest.mark.parametrize("optimizer", ["adamw", "muon", "sgd"])
def test_a_skipped_step_changes_nothing_but_the_count(config, run, monkeypatch, optimizer):
    """Skipping every step leaves the initial weights, and an optimizer without state."""
    config = changed(config, training={"steps": 3})
    config = dataclasses.replace(config, optimizer=OptimizerConfig(name=optimizer))
    infinite_gradients(monkeypatch, {1, 2, 3})
    trained = train_run(config, run).model.state_dict()
    initial = TransformerLM(config.model, generator=torch.Generator().manual_seed(config.run.seed)).state_dict()
    assert same(initial, trained)
    assert not state_of(run, 3)["optimizer"]["state"]


def test_a_run_that_ends_with_such_a_step_is_saved(config, run, monkeypatch):
    infinite_gradients(monkeypatch, {20})
    result = train_run(config, run)
    assert run.latest_checkpoint() == run.checkpoint(20)
    load_checkpoint(run.checkpoint(20), result.model)
    state = json.loads((run.checkpoint(20) / "state.json").read_text())
    assert len(state["run_id"]) == 16
    assert state["extras"]["skipped_steps"] == 1
    assert state["extras"]["skipped_in_a_row"] == [20]


def test_the_count_continues_after_resuming(config, run, monkeypatch):
    infinite_gradients(monkeypatch, {3, 20})
    train_run(config, run)
    infinite_gradients(monkeypatch, {1, 2})
    config = changed(config, training={"steps": 30})
    train_run(config, run, resume=True)
    assert read_metrics(run.metrics)[-2]["skipped_steps"] == 4


def test_a_row_of_skipped_steps_continues_after_resuming(config, run, monkeypatch):
    infinite_gradients(monkeypatch, {19, 20})
    train_run(config, run)
    infinite_gradients(monkeypatch, {1})
    config = changed(config, training={"steps": 30, "max_skipped_in_a_row": 3})
    with pytest.raises(DivergedError, match="at the 3 steps 19 to 21"):
        train_run(config, run, resume=True)


def test_many_in_a_row_stop_the_run_and_leave_their_batches_for_replay(config, run, monkeypatch):
    infinite_gradients(monkeypatch, set(range(8, 100)))
    config = changed(config, training={"max_skipped_in_a_row": 5})
    with pytest.raises(DivergedError, match=r"at the 5 steps 8 to 12, .* lower schedule.max_lr .* in .*diverged.json"):
        train_run(config, run)
    assert not run.checkpoints.exists()  # the one of step 10 would have been of a run in trouble
    replay = json.loads((run.path / "diverged.json").read_text())
    assert list(replay["file_and_start"]) == ["8", "9", "10", "11", "12"]
    data = open_data(config.data, config.model)
    inputs, _ = data.batches(seed=0, batch_size=4, context_length=8).rows(9)
    file, start = replay["file_and_start"]["9"][2]
    assert replay["files"] == [str(data.train_files[0].path)]
    assert inputs[2].tolist() == data.train_files[file].tokens[start : start + 8].tolist()
