"""Runs of several processes on the CPU, by gloo: the same losses as one process, and checkpoints for any number."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from nn import TransformerLM
from trainer import RunDirectory, load_checkpoint, open_data, read_metrics, save_config, train
from trainer.runtime.distributed import DistributedError, World, process_group

WORKER = Path(__file__).parents[1] / "run_worker.py"


def launch(config, processes, *words):
    """Run under torchrun and return what it said."""
    file = Path(config.run.directory).with_suffix(".yaml")
    save_config(config, file)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    return subprocess.run([*command, WORKER, file, *words], capture_output=True, text=True, env=environment())


def environment():
    import os

    return {**os.environ, "PYTHONPATH": ":".join(sys.path), "OMP_NUM_THREADS": "1"}


def changed(config, tmp_path, name, **training):
    directory = dataclasses.replace(config.run, directory=str(tmp_path / name))
    return dataclasses.replace(config, run=directory, training=dataclasses.replace(config.training, **training))


def curve(path):
    return [
        (entry["step"], entry.get("train_loss"), entry.get("valid_loss"))
        for entry in read_metrics(RunDirectory(path).metrics)
    ]


def assert_same_curve(one, other):
    assert [entry[0] for entry in one] == [entry[0] for entry in other]
    for (_, *ours), (_, *theirs) in zip(one, other, strict=True):
        assert ours == [None if value is None else pytest.approx(value, rel=2e-4) for value in theirs]


@pytest.fixture
def alone(config, tmp_path):
    """The curve of one process."""
    config = changed(config, tmp_path, "alone", gradient_accumulation=1)
    run = RunDirectory(tmp_path / "alone")
    run.path.mkdir()
    train(config, run, open_data(config.data, config.model))
    return curve(run.path)


@pytest.mark.parametrize(
    ("parallel", "processes", "changes"),
    [
        ("ddp", 2, {"gradient_accumulation": 2}),
        ("fsdp", 2, {}),
        ("fsdp", 2, {"gradient_accumulation": 2, "eval_batches": None}),
        ("ddp", 4, {}),
    ],
)
def test_processes_give_the_losses_of_one(config, tmp_path, alone, parallel, processes, changes):
    config = changed(config, tmp_path, "together", parallel=parallel, **changes)
    done = launch(config, processes)
    assert done.returncode == 0, done.stdout + done.stderr
    if changes.get("eval_batches", 2) is None:
        alone = [entry for entry in alone if entry[2] is None]
        ours = [entry for entry in curve(tmp_path / "together") if entry[2] is None]
    else:
        ours = curve(tmp_path / "together")
    assert_same_curve(ours, alone)
    assert f"{processes} processes ({parallel})" in done.stdout


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_checkpoint_of_four_goes_on_in_two_and_in_one(config, tmp_path, optimizer):
    config = dataclasses.replace(config, optimizer=dataclasses.replace(config.optimizer, name=optimizer))
    whole = changed(config, tmp_path, "whole")
    (tmp_path / "whole").mkdir()
    train(whole, RunDirectory(tmp_path / "whole"), open_data(whole.data, whole.model))

    for steps, parallel, processes, words in ((8, "fsdp", 4, []), (14, "ddp", 2, ["resume"])):
        part = changed(config, tmp_path, "moved", steps=20, checkpoint_interval=steps, parallel=parallel)
        if steps == 14:
            part = dataclasses.replace(part, training=dataclasses.replace(part.training, checkpoint_interval=14))
        done = launch(part, processes, *words)
        assert done.returncode == 0, done.stdout + done.stderr
        moved = RunDirectory(tmp_path / "moved")
        for step in (16, 20):  # as if it had stopped before
            if step > steps and moved.checkpoint(step).exists():
                moved.checkpoint(step).rename(tmp_path / f"gone_{processes}_{step}")
    last = changed(config, tmp_path, "moved", parallel="none")
    train(last, moved, open_data(last.data, last.model), resume=True)
    assert_same_curve(curve(tmp_path / "moved"), curve(tmp_path / "whole"))


def test_the_saved_model_is_whole_and_its_names_are_bare(config, tmp_path):
    config = changed(config, tmp_path, "sharded", parallel="fsdp", steps=2)
    config = dataclasses.replace(config, model=dataclasses.replace(config.model, tie_embeddings=True))
    done = launch(config, 2)
    assert done.returncode == 0, done.stdout + done.stderr
    from safetensors import safe_open

    path = RunDirectory(tmp_path / "sharded").checkpoint(2)
    with safe_open(path / "model.safetensors", "pt") as file:
        names = set(file.keys())
        assert ("embedding.weight" in names) != ("lm_head.weight" in names)  # tied weights are stored once
        assert all(name.startswith(("embedding", "blocks.", "final_norm", "lm_head")) for name in names)
    load_checkpoint(path, TransformerLM(config.model))


def test_batches_are_shared_equally():
    worlds = [World(rank, 4) for rank in range(4)]
    rows = [list(range(12))[world.rows(12)] for world in worlds]
    assert rows == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]
    with pytest.raises(DistributedError, match=r"training\.batch_size = 10 is not divisible by 4 processes"):
        worlds[0].rows(10)
    with pytest.raises(DistributedError, match=r"x training\.gradient_accumulation = 2: use a multiple of 8"):
        worlds[0].rows(12, 2)


def test_several_processes_need_a_way_to_work_together(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with (
        pytest.raises(DistributedError, match=r"torchrun has started 2 processes, but training\.parallel is none"),
        process_group("none", torch.device("cpu")),
    ):
        pass
    monkeypatch.delenv("WORLD_SIZE")
    with (
        pytest.raises(DistributedError, match="was not started by torchrun: start it with torchrun"),
        process_group("ddp", torch.device("cpu")),
    ):
        pass
