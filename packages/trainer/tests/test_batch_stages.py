"""Stages of a run with batches of other sizes."""

import importlib
import shutil

import pytest
import torch

from trainer import RunDirectory, open_data, read_metrics
from trainer.config import BatchStage

from .run_helpers import changed, figures, same, train_run, weights

STAGES = (BatchStage(4, 1), BatchStage(9, 2), BatchStage(12, 4))


@pytest.fixture
def config(config):
    training = {"batch_size": 6, "gradient_accumulation": 3, "batch_stages": STAGES, "batch_lr_exponent": 0.5}
    return changed(config, training=training | {"log_interval": 1}, schedule={"shape": "constant"})


def test_batches_rates_and_tokens_follow_the_stages(config, run, monkeypatch):
    loop = importlib.import_module("trainer.loop")
    seen = []

    def watched(loss, optimizer, inputs, targets, original=loop.train_step, **settings):
        seen.append((inputs, settings["gradient_accumulation"]))
        return original(loss, optimizer, inputs, targets, **settings)

    monkeypatch.setattr(loop, "train_step", watched)
    train_run(config, run)
    microbatches = [1] * 4 + [2] * 5 + [4] * 3 + [3] * 8
    assert [(len(inputs), accumulation) for inputs, accumulation in seen] == [(2 * n, n) for n in microbatches]
    batches = open_data(config.data, config.model).batches(seed=0, batch_size=6, context_length=8)
    for step, (inputs, _) in enumerate(seen, start=1):
        assert torch.equal(inputs, batches.rows(step, slice(0, len(inputs)))[0])
    entries = [entry for entry in read_metrics(run.metrics) if "train_loss" in entry]
    assert [entry["tokens"] for entry in entries] == [8 * 2 * sum(microbatches[:step]) for step in range(1, 21)]
    rates = [entry["learning_rate"] for entry in entries]
    assert rates[2:] == pytest.approx([1e-2 * (n / 3) ** 0.5 for n in microbatches[2:]])  # after the warm-up


def test_stopping_and_resuming_changes_no_bit(tmp_path, config):
    config = changed(config, training={"checkpoint_interval": 8})
    runs = [RunDirectory(tmp_path / name) for name in ("whole", "stopped")]
    for run in runs:
        run.path.mkdir()
        train_run(config, run)
    for step in (16, 20):
        shutil.rmtree(runs[1].checkpoint(step))
    train_run(config, runs[1], resume=True)
    assert "resuming after step 8" in runs[1].log.read_text()
    assert same(weights(runs[0], config, 20), weights(runs[1], config, 20))
    assert figures(runs[0]) == figures(runs[1])


def test_the_rows_of_processes_make_the_batch_of_a_stage(config):
    from trainer.runtime.distributed import World

    batches = open_data(config.data, config.model).batches(seed=0, batch_size=6, context_length=8)
    whole, _ = batches.rows(3, slice(0, 8))
    parts = [batches.rows(3, World(rank, 2).rows(8))[0] for rank in range(2)]
    assert torch.equal(torch.cat(parts), whole)
    assert torch.equal(whole[:6], batches.rows(3)[0])
