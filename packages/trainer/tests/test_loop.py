import dataclasses
import json
import math
import os
import shutil
import signal

import numpy as np
import pytest
import torch

from nn import TransformerLM
from trainer import (
    CheckpointError,
    DivergedError,
    OptimizerConfig,
    RunDirectory,
    TrainingInterrupted,
    load_checkpoint,
    open_data,
    read_metrics,
    train,
)
from trainer.loop import Loop


def changed(config, **groups):
    """Return the configuration with some keys of some groups replaced."""
    return dataclasses.replace(
        config, **{name: dataclasses.replace(getattr(config, name), **keys) for name, keys in groups.items()}
    )


def run_it(config, run, *, resume=False):
    return train(config, run, open_data(config.data, config.model), resume=resume)


def weights(run, config, step):
    model = TransformerLM(config.model)
    load_checkpoint(run.checkpoint(step), model)
    return model.state_dict()


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def test_it_learns_and_leaves_everything_behind(config, run):
    config = changed(config, training={"steps": 150, "eval_interval": 50, "checkpoint_interval": 100})
    result = run_it(config, run)
    entries = read_metrics(run.metrics)
    losses = [entry["train_loss"] for entry in entries if "train_loss" in entry]
    assert losses[0] > 0.8 * math.log(31)
    assert result.valid_loss < 0.6 * losses[0]
    assert [entry["step"] for entry in entries if "valid_loss" in entry] == [50, 100, 150]
    assert entries[-1]["valid_loss"] == result.valid_loss
    assert sorted(path.name for path in run.checkpoints.iterdir()) == ["step_00000100", "step_00000150"]
    assert same(weights(run, config, 150), result.model.state_dict())
    assert "validation loss" in run.log.read_text()
    assert run.environment.is_file()


def test_what_an_entry_says(config, run):
    run_it(config, run)
    entry = read_metrics(run.metrics)[1]
    assert entry["step"] == 5
    assert entry["tokens"] == 5 * 4 * 8
    assert entry["train_perplexity"] == pytest.approx(math.exp(entry["train_loss"]))
    assert 0 < entry["learning_rate"] <= 1e-2
    assert entry["grad_norm"] > 0
    assert entry["tokens_per_second"] > 0
    assert entry["seconds"] > 0


@pytest.mark.parametrize("accumulation", [1, 2])
@pytest.mark.parametrize("optimizer", ["adamw", "muon", "sgd"])
@pytest.mark.parametrize("stop", [7, 10])
def test_stopping_and_resuming_changes_no_bit(tmp_path, config, accumulation, optimizer, stop):
    """N steps equal k steps, a new process' worth of fresh objects, and N − k steps; also between evaluations."""
    config = dataclasses.replace(config, optimizer=OptimizerConfig(name=optimizer))
    config = changed(config, training={"gradient_accumulation": accumulation, "checkpoint_interval": stop})
    runs = [RunDirectory(tmp_path / name) for name in ("whole", "stopped")]
    for run in runs:
        run.path.mkdir()
    run_it(config, runs[0])

    class Stopped(Exception):
        pass

    with pytest.MonkeyPatch.context() as patch:

        def save_and_stop(self, step, original=Loop._save):
            original(self, step)
            raise Stopped

        patch.setattr(Loop, "_save", save_and_stop)
        with pytest.raises(Stopped):
            run_it(config, runs[1])
    assert runs[1].latest_checkpoint() == runs[1].checkpoint(stop)
    torch.manual_seed(123)  # nothing may depend on it
    run_it(config, runs[1], resume=True)
    assert same(weights(runs[0], config, 20), weights(runs[1], config, 20))
    curves = [
        [(entry["step"], entry.get("train_loss"), entry.get("valid_loss")) for entry in read_metrics(run.metrics)]
        for run in runs
    ]
    assert curves[0] == curves[1]


@pytest.mark.parametrize("data", [{"order": "epoch"}, {"train_weights": (1.0, 3.0)}])
def test_resuming_changes_no_bit_with_several_files(tmp_path, config, data):
    """Epochs of 124 windows and batches of 40: the run stops in the middle of the second."""
    files = (config.data.valid_tokens, config.data.valid_tokens)
    config = changed(config, data={"train_tokens": files, **data})
    config = changed(config, training={"steps": 6, "batch_size": 40, "checkpoint_interval": 4})
    runs = [RunDirectory(tmp_path / name) for name in ("whole", "stopped")]
    for run in runs:
        run.path.mkdir()
    run_it(config, runs[0])
    # What the schedule says of the steps until 4 depends on how many there are in all: so 4 of 6, not 4 of 4.
    run_it(config, runs[1])
    shutil.rmtree(runs[1].checkpoint(6))
    run_it(config, runs[1], resume=True)
    assert same(weights(runs[0], config, 6), weights(runs[1], config, 6))


def test_metrics_after_the_checkpoint_are_not_told_twice(config, run):
    run_it(config, run)
    run.checkpoint(20).rename(run.path / "gone")  # as if it had stopped between step 10 and step 20
    before = read_metrics(run.metrics)
    run_it(config, run, resume=True)
    after = read_metrics(run.metrics)
    assert [entry["step"] for entry in after] == [entry["step"] for entry in before]
    assert [entry.get("train_loss") for entry in after] == [entry.get("train_loss") for entry in before]
    seconds = [entry["seconds"] for entry in after]
    assert seconds == sorted(seconds)


def test_a_run_can_be_prolonged(config, run):
    run_it(config, run)
    result = run_it(changed(config, training={"steps": 30}), run, resume=True)
    assert result.steps == 30
    assert run.latest_checkpoint() == run.checkpoint(30)


def test_a_finished_run_is_only_evaluated(config, run):
    first = run_it(config, run)
    again = run_it(config, run, resume=True)
    assert again.valid_loss == first.valid_loss
    assert same(first.model.state_dict(), again.model.state_dict())
    steps = [entry["step"] for entry in read_metrics(run.metrics) if "valid_loss" in entry]
    assert steps == [10, 20]  # told once


def test_the_seed_decides_everything(tmp_path, config):
    states = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run = RunDirectory(tmp_path / name)
        run.path.mkdir()
        states.append(run_it(changed(config, run={"seed": seed}), run).model.state_dict())
    assert same(states[0], states[1])
    assert not same(states[0], states[2])


def test_the_same_seed_gives_the_same_bits_with_several_threads(tmp_path, config):
    """Tensors large enough for torch to share them out to threads, whose order must not show."""
    config = changed(
        config,
        model={"d_model": 128, "num_heads": 2, "d_ff": 256, "context_length": 64},
        training={"batch_size": 16, "steps": 6},
    )
    states = []
    for name in ("a", "b", "c"):
        run = RunDirectory(tmp_path / name)
        run.path.mkdir()
        states.append(run_it(config, run).model.state_dict())
    assert same(states[0], states[1])
    assert same(states[0], states[2])


def test_accumulation_gives_the_same_curve(tmp_path, config):
    curves = []
    for accumulation in (1, 4):
        run = RunDirectory(tmp_path / str(accumulation))
        run.path.mkdir()
        run_it(changed(config, training={"gradient_accumulation": accumulation}), run)
        curves.append([entry["valid_loss"] for entry in read_metrics(run.metrics) if "valid_loss" in entry])
    assert curves[0] == pytest.approx(curves[1], rel=1e-3)


def test_resuming_without_a_checkpoint_is_refused(config, run):
    with pytest.raises(CheckpointError, match="holds no checkpoint"):
        run_it(config, run, resume=True)


def broken_gradients(monkeypatch, steps):
    """Make the gradients of some steps infinite, as an overflow would."""
    from trainer import loop

    count = iter(range(1, 1000))

    def compute(*arguments, original=loop.compute_gradients, **keywords):
        loss, norm = original(*arguments, **keywords)
        if next(count) in steps:
            for parameter in arguments[1]:
                parameter.grad.fill_(math.inf)
            norm = norm * math.inf
        return loss, norm

    monkeypatch.setattr(loop, "compute_gradients", compute)


def test_steps_without_finite_gradient_are_left_out_and_counted(config, run, monkeypatch):
    """The loss is that of the weights before the update, so it can be fine when the update is not."""
    broken_gradients(monkeypatch, {3, 4, 12})
    result = run_it(config, run)
    assert all(parameter.isfinite().all() for parameter in result.model.parameters())
    entries = read_metrics(run.metrics)
    assert entries[-2]["skipped_steps"] == 3
    assert "skipped_steps" not in entries[0]
    assert run.log.read_text().count("was left out: loss or gradient is not a finite number") == 3


def test_a_run_that_ends_with_such_a_step_is_saved(config, run, monkeypatch):
    broken_gradients(monkeypatch, {20})
    run_it(config, run)
    assert run.latest_checkpoint() == run.checkpoint(20)
    state = json.loads((run.checkpoint(20) / "state.json").read_text())
    assert len(state["run_id"]) == 16


def test_the_count_goes_on_after_resuming(config, run, monkeypatch):
    broken_gradients(monkeypatch, {3})
    run_it(config, run)
    broken_gradients(monkeypatch, {2})
    run_it(changed(config, training={"steps": 30}), run, resume=True)
    assert read_metrics(run.metrics)[-2]["skipped_steps"] == 2


def test_many_in_a_row_stop_the_run_and_leave_their_batches_for_replay(config, run, monkeypatch):
    broken_gradients(monkeypatch, set(range(8, 100)))
    config = changed(config, training={"max_skipped_in_a_row": 5})
    with pytest.raises(DivergedError, match=r"at the 5 steps 8 to 12, .* lower schedule.max_lr .* in .*diverged.json"):
        run_it(config, run)
    assert not run.checkpoints.exists()  # the one of step 10 would have been of a run in trouble
    replay = json.loads((run.path / "diverged.json").read_text())
    assert list(replay["file_and_start"]) == ["8", "9", "10", "11", "12"]
    inputs, _ = open_data(config.data, config.model).batches(seed=0, batch_size=4, context_length=8).rows(9)
    file, start = replay["file_and_start"]["9"][2]
    ids = np.fromfile(replay["files"][file], dtype="<u2")
    assert inputs[2].tolist() == ids[start : start + 8].tolist()


def test_a_jump_of_the_loss_is_told(config, run, monkeypatch):
    from trainer import loop

    losses = iter([2.0 + 0.01 * (step % 3) + (step == 70) for step in range(1, 101)])
    monkeypatch.setattr(loop, "compute_gradients", lambda *_, **__: (torch.tensor(next(losses)), torch.tensor(1.0)))
    monkeypatch.setattr(loop, "apply_update", lambda *_: None)
    run_it(changed(config, training={"steps": 100, "log_interval": 1}), run)
    assert "step 70: the loss has jumped to 3.010" in run.log.read_text()
    assert run.log.read_text().count("jumped") == 1


def test_a_run_ends_with_its_time(config, run):
    config = changed(
        config,
        training={"steps": 1_000_000, "max_seconds": 1.0, "eval_interval": 1_000_000, "checkpoint_interval": 1_000_000},
        schedule={"by": "time", "shape": "linear", "max_lr": 1e-3, "min_lr": 0.0, "warmup_fraction": 0.0},
    )
    result = run_it(config, run)
    assert 1 < result.steps < 1_000_000
    assert 1.0 <= result.seconds < 30
    assert run.latest_checkpoint() == run.checkpoint(result.steps)
    rates = [entry["learning_rate"] for entry in read_metrics(run.metrics) if "train_loss" in entry]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] == pytest.approx(1e-3, rel=0.3)
    assert rates[-1] < 0.3e-3
    again = run_it(config, run, resume=True)  # its time is over
    assert again.steps == result.steps


def test_samples_come_with_evaluations(config, run):
    seen = []

    def sample(model, step):
        seen.append(step)
        return f"a text of {model.config.vocab_size}"

    train(config, run, open_data(config.data, config.model), sample=sample)
    assert seen == [10, 20]
    assert run.log.read_text().count("a text of 31") == 2


def interrupt_at(monkeypatch, place, name, call):
    """Send the process a signal in the middle of the n-th call of a function."""
    count = iter(range(1, 1000))
    original = getattr(place, name)

    def watched(*arguments, **keywords):
        if next(count) == call:
            os.kill(os.getpid(), signal.SIGTERM)
        return original(*arguments, **keywords)

    monkeypatch.setattr(place, name, watched)


@pytest.mark.parametrize(
    ("place", "name", "call", "saved"),
    [
        ("loop", "compute_gradients", 7, 7),  # in a step
        ("loop", "measure_loss_together", 1, 10),  # in an evaluation, which is left and made up for
        ("checkpoint_store", "write_checkpoint", 1, 11),  # in a checkpoint: the one of step 10 is finished first
    ],
)
def test_being_asked_to_stop_changes_no_bit(tmp_path, config, monkeypatch, place, name, call, saved):
    import trainer

    config = changed(config, checkpoints={"background": False})
    runs = [RunDirectory(tmp_path / folder) for folder in ("whole", "stopped")]
    for run in runs:
        run.path.mkdir()
    run_it(config, runs[0])
    with pytest.MonkeyPatch.context() as patch:
        interrupt_at(patch, getattr(trainer, place), name, call)
        with pytest.raises(TrainingInterrupted, match=f"SIGTERM: step {saved} is saved"):
            run_it(config, runs[1])
    assert runs[1].latest_checkpoint() == runs[1].checkpoint(saved)
    run_it(config, runs[1], resume=True)
    assert same(weights(runs[0], config, 20), weights(runs[1], config, 20))
    curves = [
        {(entry["step"], entry["valid_loss"]) for entry in read_metrics(run.metrics) if "valid_loss" in entry}
        for run in runs
    ]
    assert curves[0] == curves[1]
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_damaged_checkpoint_is_named_and_the_one_before_taken(config, run):
    whole = run_it(config, run)
    path = run.checkpoint(20) / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    again = run_it(config, run, resume=True)
    assert same(whole.model.state_dict(), again.model.state_dict())
    assert "passing over a damaged checkpoint" in run.log.read_text()
    assert "resuming after step 10" in run.log.read_text()


def test_the_settings_of_the_optimizer_follow_the_configuration(tmp_path, config, run):
    run_it(config, run)
    config = changed(config, optimizer={"weight_decay": 0.5}, training={"steps": 21})
    seen = []
    with pytest.MonkeyPatch.context() as patch:

        def save(self, step, original=Loop._save):
            seen.append(self.session.optimizer.param_groups[0]["weight_decay"])
            original(self, step)

        patch.setattr(Loop, "_save", save)
        run_it(config, run, resume=True)
    assert seen == [0.5]


def test_another_optimizer_is_refused(config, run):
    run_it(config, run)
    with pytest.raises(CheckpointError, match="was trained with AdamW, not with SGD"):
        run_it(changed(config, optimizer={"name": "sgd"}), run, resume=True)


def test_a_folder_is_trained_once(config, run):
    run_it(config, run)
    with pytest.raises(ValueError, match="has been trained already: resume it"):
        run_it(config, run)


def test_unfinished_checkpoints_are_removed(config, run):
    run_it(config, run)
    (run.checkpoints / ".step_00000030.abcd").mkdir()
    run_it(config, run, resume=True)
    assert sorted(path.name for path in run.checkpoints.iterdir()) == ["step_00000010", "step_00000020"]


def test_divergence_is_named_and_leaves_no_checkpoint(config, run):
    config = changed(config, schedule={"max_lr": 1e30}, training={"log_interval": 1})
    with pytest.raises(DivergedError, match=r"(is not a finite number at|validation loss is) .* lower schedule.max_lr"):
        run_it(config, run)
    assert not run.checkpoints.exists()
