import dataclasses
import math
import shutil

import pytest
import torch

from nn import TransformerLM
from trainer import (
    CheckpointError,
    DivergedError,
    OptimizerConfig,
    RunDirectory,
    load_checkpoint,
    open_data,
    read_metrics,
    train,
)


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
        from trainer import loop

        def save_and_stop(session, step, original=loop._save):
            original(session, step)
            raise Stopped

        patch.setattr(loop, "_save", save_and_stop)
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


def test_a_gradient_that_is_no_number_is_never_saved(config, run, monkeypatch):
    """The loss is that of the weights before the update, so it can be fine when the update is not."""
    from trainer import loop

    def step(*arguments, original=loop.train_step, **keywords):
        loss, norm = original(*arguments, **keywords)
        return loss, norm * math.nan

    monkeypatch.setattr(loop, "train_step", step)
    with pytest.raises(DivergedError, match="the gradient norm is nan at step 1"):
        run_it(config, run)
    assert not run.checkpoints.exists()


def test_the_settings_of_the_optimizer_follow_the_configuration(tmp_path, config, run):
    run_it(config, run)
    config = changed(config, optimizer={"weight_decay": 0.5}, training={"steps": 21})
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        from trainer import loop

        def save(session, step, original=loop._save):
            seen.append(session.optimizer.param_groups[0]["weight_decay"])
            original(session, step)

        patch.setattr(loop, "_save", save)
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
    with pytest.raises(DivergedError, match=r"the .* is (nan|inf) at step \d+, .* lower schedule.max_lr"):
        run_it(config, run)
    assert not run.checkpoints.exists()
