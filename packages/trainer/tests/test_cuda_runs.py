"""On a GPU, too, the same seed gives the same bytes, and so does a run that was stopped or killed, and resumed.

The one case on a CPU shows that the comparison works; the others run where there is a GPU.
"""

import hashlib
import importlib

import pytest
import torch

from trainer import RunDirectory, TrainingInterrupted, read_metrics

from .run_helpers import changed, figures, interrupt_at, train_run

STEPS = 12
NEEDS_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


class Killed(Exception):
    """Ends a run at once: nothing more is saved."""


def digests(run):
    """Return the SHA-256 of the weights and of the optimizer's state after the last step."""
    names = ("model.safetensors", "optimizer.safetensors")
    return [hashlib.sha256((run.checkpoint(STEPS) / name).read_bytes()).hexdigest() for name in names]


def stop(patch):
    """Ask the run to stop, as SIGTERM does, in the middle; that step is saved."""
    interrupt_at(patch, importlib.import_module("trainer.loop"), "train_step", STEPS // 2)


def kill(patch):
    """End the run in the step after the next to a checkpoint, which is computed again after resuming."""
    loop = importlib.import_module("trainer.loop")
    steps, original = iter(range(1, STEPS)), loop.train_step

    def killed(*arguments, **keywords):
        if next(steps) == STEPS // 2 + 2:
            raise Killed
        return original(*arguments, **keywords)

    patch.setattr(loop, "train_step", killed)


def check_the_bytes_of_runs(folder, config):
    """Train four times: twice without a break, once stopped, and once killed."""
    config = changed(
        config,
        model={"d_model": 64, "d_ff": 96, "context_length": 32, "attention": "fused"},
        training={"steps": STEPS, "batch_size": 8, "eval_interval": 4, "checkpoint_interval": STEPS // 2},
        checkpoints={"background": False},
    )
    runs = {name: RunDirectory(folder / name) for name in ("one", "other", "stopped", "killed")}
    for run in runs.values():
        run.path.mkdir()
    for name in ("one", "other"):
        train_run(config, runs[name])
    for name, end, error in (("stopped", stop, TrainingInterrupted), ("killed", kill, Killed)):
        with pytest.MonkeyPatch.context() as patch:
            end(patch)
            with pytest.raises(error):
                train_run(config, runs[name])
        assert runs[name].latest_checkpoint() == runs[name].checkpoint(STEPS // 2)
        train_run(config, runs[name], resume=True)
    expected = digests(runs["one"])
    assert {name: digests(run) == expected for name, run in runs.items()} == dict.fromkeys(runs, True)
    assert all(figures(run) == figures(runs["one"]) for run in runs.values())
    different = RunDirectory(folder / "different")
    different.path.mkdir()
    train_run(changed(config, run={"seed": 1}), different)
    assert digests(different)[0] != expected[0]
    assert len(read_metrics(different.metrics)) == len(read_metrics(runs["one"].metrics))


@NEEDS_GPU
@pytest.mark.parametrize("compiled", ["off", "on"])
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_the_bytes_of_runs_on_a_gpu(tmp_path, config, optimizer, compiled):
    settings = {"compile": compiled, "precision": "bfloat16"}
    check_the_bytes_of_runs(
        tmp_path, changed(config, optimizer={"name": optimizer}, training=settings, run={"device": "cuda"})
    )


def test_the_comparison_on_a_cpu(tmp_path, config):
    check_the_bytes_of_runs(tmp_path, changed(config, training={"compile": "off"}))
