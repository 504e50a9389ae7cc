"""Updates that are left out: the same whether the answer is read at once, as on a CPU, or a step later."""

import dataclasses
import json
import math

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from trainer import DivergedError, OptimizerConfig, RunDirectory, load_checkpoint, loop, open_data, read_metrics, train
from trainer.guarded_updates import Answer
from trainer.step import compute_gradients


@pytest.fixture(params=[False, True], ids=["at once", "a step later"])
def late(request, monkeypatch):
    monkeypatch.setattr(loop, "answers_late", lambda session: request.param)
    return request.param


def broken_gradients(monkeypatch, steps):
    """Make the gradients of some steps infinite, as an overflow would."""
    from trainer import guarded_updates

    count = iter(range(1, 1000))

    def compute(*arguments, **keywords):
        loss, norm = compute_gradients(*arguments, **keywords)
        if next(count) in steps:
            for parameter in arguments[1]:
                parameter.grad.fill_(math.inf)
            norm = norm * math.inf
        return loss, norm

    monkeypatch.setattr(guarded_updates, "compute_gradients", compute)


def run_it(config, run, *, resume=False):
    return train(config, run, open_data(config.data, config.model), resume=resume)


def test_steps_without_finite_gradient_are_left_out_and_counted(config, run, monkeypatch, late):
    """The loss is that of the weights before the update, so it can be fine when the update is not."""
    broken_gradients(monkeypatch, {3, 4, 12})
    result = run_it(config, run)
    assert all(parameter.isfinite().all() for parameter in result.model.parameters())
    entries = read_metrics(run.metrics)
    assert entries[-2]["skipped_steps"] == 3
    assert "skipped_steps" not in entries[0]
    log = run.log.read_text()
    assert [f"step {step} was left out" in log for step in (3, 4, 12)] == [True] * 3
    assert log.count("was left out: loss or gradient is not a finite number") == 3


@pytest.mark.parametrize("optimizer", ["adamw", "muon", "sgd"])
def test_reading_the_answer_later_changes_no_bit(tmp_path, config, monkeypatch, optimizer):
    """Steps are left out at the start, twice in a row, before an evaluation and at the end."""
    config = dataclasses.replace(config, optimizer=OptimizerConfig(name=optimizer))
    states = []
    for late in (False, True):
        run = RunDirectory(tmp_path / str(late))
        run.path.mkdir()
        monkeypatch.setattr(loop, "answers_late", lambda session, late=late: late)
        broken_gradients(monkeypatch, {1, 5, 6, 10, 20})
        model = run_it(config, run).model
        saved = json.loads((run.checkpoint(20) / "state.json").read_text())
        curve = [(entry.get("train_loss"), entry.get("valid_loss")) for entry in read_metrics(run.metrics)]
        states.append((model.state_dict(), saved["optimizer"], saved["files"], curve))
    assert all(torch.equal(states[0][0][name], states[1][0][name]) for name in states[0][0])
    assert states[0][1:] == states[1][1:]


class Waits(TorchDispatchMode):
    """Counts what would make the processor wait for an accelerator: values that are looked at."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        self.count += function._schema.name in ("aten::_local_scalar_dense", "aten::is_nonzero", "aten::equal")
        return function(*arguments, **(keywords or {}))


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_only_figures_that_are_due_are_waited_for(tmp_path, config, monkeypatch, optimizer):
    """As on an accelerator: each step without a figure only reads the answer of the step before."""
    monkeypatch.setattr(loop, "answers_late", lambda session: True)
    read = []
    monkeypatch.setattr(Answer, "read", lambda self, original=Answer.read: read.append(self) or original(self))
    config = dataclasses.replace(config, optimizer=OptimizerConfig(name=optimizer))
    waited = []
    for steps in (10, 20, 40):  # the first finds nothing prepared
        run = RunDirectory(tmp_path / str(steps))
        run.path.mkdir()
        training = dataclasses.replace(
            config.training, steps=steps, log_interval=1000, eval_interval=1000, checkpoint_interval=1000
        )
        read.clear()
        with Waits() as waits:
            run_it(dataclasses.replace(config, training=training), run)
        waited.append(waits.count - len(read))
        assert len(read) == steps
    assert waited[1] == waited[2]


def test_a_run_that_ends_with_such_a_step_is_saved(config, run, monkeypatch, late):
    broken_gradients(monkeypatch, {20})
    result = run_it(config, run)
    assert run.latest_checkpoint() == run.checkpoint(20)
    load_checkpoint(run.checkpoint(20), result.model)
    state = json.loads((run.checkpoint(20) / "state.json").read_text())
    assert len(state["run_id"]) == 16
    assert state["extras"]["skipped_steps"] == 1
    assert state["extras"]["skipped_in_a_row"] == [20]


def test_the_count_goes_on_after_resuming(config, run, monkeypatch, late):
    broken_gradients(monkeypatch, {3, 20})
    run_it(config, run)
    broken_gradients(monkeypatch, {1, 2})
    config = dataclasses.replace(config, training=dataclasses.replace(config.training, steps=30))
    run_it(config, run, resume=True)
    assert read_metrics(run.metrics)[-2]["skipped_steps"] == 4


def test_a_streak_goes_on_after_resuming(config, run, monkeypatch, late):
    broken_gradients(monkeypatch, {19, 20})
    run_it(config, run)
    broken_gradients(monkeypatch, {1})
    config = dataclasses.replace(
        config, training=dataclasses.replace(config.training, steps=30, max_skipped_in_a_row=3)
    )
    with pytest.raises(DivergedError, match="at the 3 steps 19 to 21"):
        run_it(config, run, resume=True)


def test_many_in_a_row_stop_the_run_and_leave_their_batches_for_replay(config, run, monkeypatch, late):
    broken_gradients(monkeypatch, set(range(8, 100)))
    config = dataclasses.replace(config, training=dataclasses.replace(config.training, max_skipped_in_a_row=5))
    with pytest.raises(DivergedError, match=r"at the 5 steps 8 to 12, .* lower schedule.max_lr .* in .*diverged.json"):
        run_it(config, run)
    assert not run.checkpoints.exists()  # the one of step 10 would have been of a run in trouble
    replay = json.loads((run.path / "diverged.json").read_text())
    assert list(replay["file_and_start"]) == ["8", "9", "10", "11", "12"]
    data = open_data(config.data, config.model)
    inputs, _ = data.batches(seed=0, batch_size=4, context_length=8).rows(9)
    file, start = replay["file_and_start"]["9"][2]
    assert replay["files"] == [str(data.train_files[0].path)]
    assert inputs[2].tolist() == data.train_files[file].tokens[start : start + 8].tolist()
