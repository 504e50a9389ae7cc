"""A run trains, reports and saves."""

import importlib
import math
import time

import pytest
import torch

from trainer import (
    DivergedError,
    RunDirectory,
    StepResult,
    read_metrics,
)

from .run_helpers import changed, same, state_of, train_run, weights


def test_a_run_learns_and_writes_its_files(config, run):
    config = changed(config, training={"steps": 150, "eval_interval": 50, "checkpoint_interval": 100})
    result = train_run(config, run)
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


def test_the_figures_of_an_entry(config, run):
    train_run(config, run)
    entry = read_metrics(run.metrics)[1]
    assert entry["step"] == 5
    assert entry["tokens"] == 5 * 4 * 8
    assert entry["train_perplexity"] == pytest.approx(math.exp(entry["train_loss"]))
    assert 0 < entry["learning_rate"] <= 1e-2
    assert entry["grad_norm"] > 0
    assert entry["tokens_per_second"] > 0
    assert entry["seconds"] > 0


def test_the_seed_decides_everything(tmp_path, config):
    states = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run = RunDirectory(tmp_path / name)
        run.path.mkdir()
        states.append(train_run(changed(config, run={"seed": seed}), run).model.state_dict())
    assert same(states[0], states[1])
    assert not same(states[0], states[2])


def test_the_same_seed_gives_the_same_bits_with_several_threads(tmp_path, config):
    """Tensors large enough for torch to divide them among threads, whose order must not matter."""
    config = changed(
        config,
        model={"d_model": 128, "num_heads": 2, "d_ff": 256, "context_length": 64},
        training={"batch_size": 16, "steps": 6},
    )
    states = []
    for name in ("a", "b", "c"):
        run = RunDirectory(tmp_path / name)
        run.path.mkdir()
        states.append(train_run(config, run).model.state_dict())
    assert same(states[0], states[1])
    assert same(states[0], states[2])


def test_accumulation_gives_the_same_curve(tmp_path, config):
    curves = []
    for accumulation in (1, 4):
        run = RunDirectory(tmp_path / str(accumulation))
        run.path.mkdir()
        train_run(changed(config, training={"gradient_accumulation": accumulation}), run)
        curves.append([entry["valid_loss"] for entry in read_metrics(run.metrics) if "valid_loss" in entry])
    assert curves[0] == pytest.approx(curves[1], rel=1e-3)


def test_a_jump_of_the_loss_is_logged(config, run, monkeypatch):
    losses = iter([2.0 + 0.01 * (step % 3) + (step in (70, 110)) for step in range(1, 121)])
    result = lambda *_, **__: StepResult(torch.tensor(next(losses)), torch.tensor(1.0), True)  # noqa: E731
    monkeypatch.setattr(importlib.import_module("trainer.loop"), "train_step", result)
    config = changed(config, training={"steps": 100, "log_interval": 1, "eval_interval": 100})
    train_run(config, run)
    assert "step 70: the loss jumped to 3.010" in run.log.read_text()
    assert run.log.read_text().count("jumped") == 1
    train_run(changed(config, training={"steps": 120}), run, resume=True)
    assert "step 110: the loss jumped" in run.log.read_text()  # the losses before are remembered


def test_a_checkpoint_records_schedule_and_configuration(config, run):
    train_run(config, run)
    earlier, last = (state_of(run, step) for step in (10, 20))
    entries = {entry["step"]: entry for entry in read_metrics(run.metrics) if "learning_rate" in entry}
    assert last["schedule"]["shape"] == "cosine"
    assert last["schedule"]["max_lr"] == 1e-2
    assert [state["schedule"]["learning_rate"] for state in (earlier, last)] == [
        entries[step]["learning_rate"] for step in (10, 20)
    ]
    assert earlier["config_digest"] == last["config_digest"]
    train_run(changed(config, training={"steps": 21}), run, resume=True)
    other = state_of(run, 21)
    assert other["config_digest"] != last["config_digest"]


def test_setting_up_does_not_count_as_time(config, run, monkeypatch):
    from trainer import training_run

    def slow(*arguments, original=training_run.fingerprint_data):
        time.sleep(0.5)
        return original(*arguments)

    monkeypatch.setattr(training_run, "fingerprint_data", slow)
    assert train_run(changed(config, training={"max_seconds": 0.4}), run).steps > 0


def test_too_little_memory_is_found_before_the_first_step(config, run, monkeypatch):
    from trainer.train_state import LossModule

    def forward(self, inputs, targets):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(LossModule, "forward", forward)
    with pytest.raises(RuntimeError, match="can't allocate memory"):
        train_run(config, run)
    assert read_metrics(run.metrics) == []


def test_divergence_is_named_and_leaves_no_checkpoint(config, run):
    config = changed(config, schedule={"max_lr": 1e30}, training={"log_interval": 1})
    with pytest.raises(DivergedError, match=r"(is not a finite number at|validation loss is) .* lower schedule.max_lr"):
        train_run(config, run)
    assert not run.checkpoints.exists()
