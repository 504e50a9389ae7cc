"""Resuming a run: nothing is lost, nothing is done twice, no bit differs."""

import dataclasses
import shutil

import numpy as np
import pytest
import torch

from trainer import (
    CheckpointError,
    DataError,
    OptimizerConfig,
    RunDirectory,
    read_metrics,
)
from trainer.checkpoints import open_checkpoint
from trainer.checkpoints.retrying import Saver
from trainer.reporting import MetricsError

from .conftest import write_shards
from .run_helpers import changed, figures, same, train_run, weights

RECIPE = OptimizerConfig(name="muon", embedding_lr_factor=3.0, momentum_start=0.5, momentum_warmup_steps=12)
RECIPE = dataclasses.replace(RECIPE, muon_second_moment=0.9, cautious_weight_decay=True)
OPTIMIZERS = {name: OptimizerConfig(name=name) for name in ("adamw", "muon", "sgd")} | {"recipe": RECIPE}


@pytest.mark.parametrize("accumulation", [1, 2])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("stop", [7, 10])
def test_stopping_and_resuming_changes_no_bit(tmp_path, config, accumulation, optimizer, stop):
    """N steps equal k steps, a new process' worth of fresh objects, and N − k steps; also between evaluations."""
    config = dataclasses.replace(config, optimizer=OPTIMIZERS[optimizer])
    config = changed(config, training={"gradient_accumulation": accumulation, "checkpoint_interval": stop})
    runs = [RunDirectory(tmp_path / name) for name in ("whole", "stopped")]
    for run in runs:
        run.path.mkdir()
    train_run(config, runs[0])

    class Stopped(Exception):
        pass

    with pytest.MonkeyPatch.context() as patch:

        def save_and_stop(self, progress, original=Saver.save):
            original(self, progress)
            raise Stopped

        patch.setattr(Saver, "save", save_and_stop)
        with pytest.raises(Stopped):
            train_run(config, runs[1])
    assert runs[1].latest_checkpoint() == runs[1].checkpoint(stop)
    torch.manual_seed(123)  # nothing may depend on it
    train_run(config, runs[1], resume=True)
    assert same(weights(runs[0], config, 20), weights(runs[1], config, 20))
    assert figures(runs[0]) == figures(runs[1])


@pytest.mark.parametrize("data", [{"order": "epoch"}, {"train_weights": (1.0, 3.0)}])
def test_resuming_changes_no_bit_with_several_files(tmp_path, config, data):
    """Epochs of 124 windows and batches of 40: the run stops in the middle of the second."""
    files = (config.data.valid_tokens, config.data.valid_tokens)
    config = changed(config, data={"train_tokens": files, **data})
    config = changed(config, training={"steps": 6, "batch_size": 40, "checkpoint_interval": 4})
    runs = [RunDirectory(tmp_path / name) for name in ("whole", "stopped")]
    for run in runs:
        run.path.mkdir()
    train_run(config, runs[0])
    # What the schedule says of the steps until 4 depends on how many there are in all: so 4 of 6, not 4 of 4.
    train_run(config, runs[1])
    shutil.rmtree(runs[1].checkpoint(6))
    train_run(config, runs[1], resume=True)
    assert same(weights(runs[0], config, 6), weights(runs[1], config, 6))


def test_a_run_on_shards_is_that_on_one_file_also_when_resumed(tmp_path, config):
    ids = np.fromfile(config.data.train_tokens, "<u2").tolist()
    shards = write_shards(tmp_path / "shards", ids, [7, 7, 900, 2000])
    config = changed(config, data={"order": "epoch"}, training={"steps": 6, "checkpoint_interval": 4})
    sharded = changed(config, data={"train_tokens": str(shards)})
    single, run = (RunDirectory(tmp_path / name) for name in ("single", "sharded"))
    for folder in (single, run):
        folder.path.mkdir()
    train_run(config, single)
    train_run(sharded, run)
    shutil.rmtree(run.checkpoint(6))
    train_run(sharded, run, resume=True)
    assert same(weights(single, config, 6), weights(run, sharded, 6))
    assert figures(single) == figures(run)
    write_shards(tmp_path / "shards", [*ids[:-1], 0], [7, 7, 900, 2000])
    with pytest.raises(DataError, match=r"started on different data: train, .* different ids"):
        train_run(sharded, run, resume=True)


def test_metrics_after_the_checkpoint_are_not_reported_twice(config, run):
    train_run(config, run)
    run.checkpoint(20).rename(run.path / "gone")  # as if it had stopped between step 10 and step 20
    before = read_metrics(run.metrics)
    train_run(config, run, resume=True)
    after = read_metrics(run.metrics)
    assert [entry["step"] for entry in after] == [entry["step"] for entry in before]
    assert [entry.get("train_loss") for entry in after] == [entry.get("train_loss") for entry in before]
    seconds = [entry["seconds"] for entry in after]
    assert seconds == sorted(seconds)


def test_a_run_can_be_extended(config, run):
    train_run(config, run)
    result = train_run(changed(config, training={"steps": 30}), run, resume=True)
    assert result.steps == 30
    assert run.latest_checkpoint() == run.checkpoint(30)


def test_a_finished_run_is_only_evaluated(config, run):
    first = train_run(config, run)
    again = train_run(config, run, resume=True)
    assert again.valid_loss == first.valid_loss
    assert same(first.model.state_dict(), again.model.state_dict())
    steps = [entry["step"] for entry in read_metrics(run.metrics) if "valid_loss" in entry]
    assert steps == [10, 20]  # reported once


def test_resuming_without_a_checkpoint_is_refused(config, run):
    with pytest.raises(CheckpointError, match="contains no checkpoint"):
        train_run(config, run, resume=True)


def test_a_damaged_checkpoint_is_skipped(config, run):
    whole = train_run(config, run)
    path = run.checkpoint(20) / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    again = train_run(config, run, resume=True)
    assert same(whole.model.state_dict(), again.model.state_dict())
    assert "skipping a damaged checkpoint" in run.log.read_text()
    assert "resuming after step 10" in run.log.read_text()


def test_the_settings_of_the_optimizer_follow_the_configuration(tmp_path, config, run):
    train_run(config, run)
    config = changed(config, optimizer={"weight_decay": 0.5}, training={"steps": 21})
    train_run(config, run, resume=True)
    assert open_checkpoint(run.checkpoint(21)).optimizer_state()["param_groups"][0]["weight_decay"] == 0.5


def test_another_optimizer_is_refused(config, run):
    train_run(config, run)
    with pytest.raises(CheckpointError, match="was trained with AdamW, not with SGD"):
        train_run(changed(config, optimizer={"name": "sgd"}), run, resume=True)


def test_a_folder_is_trained_once(config, run):
    train_run(config, run)
    with pytest.raises(ValueError, match="has been trained already: resume it"):
        train_run(config, run)


def test_unfinished_checkpoints_are_removed(config, run):
    train_run(config, run)
    (run.checkpoints / ".step_00000030.abcd").mkdir()
    train_run(config, run, resume=True)
    assert sorted(path.name for path in run.checkpoints.iterdir()) == ["step_00000010", "step_00000020"]


def test_a_skipped_checkpoint_is_renamed_and_not_deleted(config, run):
    train_run(config, run)
    (run.checkpoint(20) / "optimizer.safetensors").unlink()
    train_run(changed(config, training={"steps": 25}), run, resume=True)
    assert (run.checkpoints / "step_00000020.damaged_1" / "model.safetensors").is_file()
    assert "renamed step_00000020 to step_00000020.damaged_1" in run.log.read_text()
    assert run.latest_checkpoint() == run.checkpoint(25)


def test_damaged_metrics_are_refused_before_anything_is_changed(config, run):
    train_run(config, run)
    (run.checkpoint(20) / "optimizer.safetensors").unlink()
    run.metrics.write_text("{}\n" + run.metrics.read_text())
    with pytest.raises(MetricsError, match="line 1 is not a JSON object"):
        train_run(config, run, resume=True)
    assert run.checkpoint(20).exists()


def test_settings_that_epochs_depend_on_are_kept(config, run):
    config = changed(config, data={"order": "epoch"})
    train_run(config, run)
    more = changed(config, training={"steps": 25})
    for other, message in (
        (changed(more, run={"seed": 9}), "seed is 9 but was 0"),
        (changed(more, training={"batch_size": 2}), "batch_size is 2 but was 4"),
        (changed(more, data={"order": "random"}), "order is random but was epoch"),
    ):
        with pytest.raises(DataError, match=message):
            train_run(other, run, resume=True)
    train_run(more, run, resume=True)


def test_fewer_steps_than_are_done_are_refused(config, run):
    train_run(config, run)
    with pytest.raises(ValueError, match=r"training\.steps is 15, but step 20 is done: give at least 20"):
        train_run(changed(config, training={"steps": 15}), run, resume=True)


def test_a_configuration_that_trained_nothing_is_not_saved(config, run):
    train_run(config, run)
    before = run.config.read_text()
    train_run(changed(config, schedule={"max_lr": 1.0}), run, resume=True)
    assert run.config.read_text() == before
    train_run(changed(config, schedule={"max_lr": 1e-4}, training={"steps": 21}), run, resume=True)
    assert "max_lr: 0.0001" in run.config.read_text()


def test_a_checkpoint_that_was_being_replaced_is_not_lost(config, run):
    """A kill between the two renames leaves it hidden: a new run must not consider the folder empty."""
    train_run(config, run)
    shutil.rmtree(run.checkpoint(10))
    run.checkpoint(20).rename(run.checkpoints / ".step_00000020.0123abcd.replaced")
    with pytest.raises(ValueError, match="has been trained already"):
        train_run(config, run)
    assert run.checkpoint(20).exists()
