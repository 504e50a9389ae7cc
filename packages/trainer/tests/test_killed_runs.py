"""Whole runs, killed at random moments and resumed: nothing is lost, and the curve is that of an undisturbed run."""

import dataclasses
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from nn import TransformerLM
from trainer import (
    INTERRUPTED_EXIT_CODE,
    CheckpointConfig,
    RunDirectory,
    load_checkpoint,
    open_data,
    read_metrics,
    save_config,
    train,
)

WORKER = Path(__file__).with_name("run_worker.py")
STEPS = 120


@pytest.fixture
def long_run(config):
    training = dataclasses.replace(
        config.training, steps=STEPS, checkpoint_interval=4, eval_interval=10, log_interval=1, gradient_accumulation=2
    )
    return dataclasses.replace(config, training=training, checkpoints=CheckpointConfig(keep_last=2))


def with_folder(config, path):
    return dataclasses.replace(config, run=dataclasses.replace(config.run, directory=str(path)))


def start(config):
    file = Path(f"{config.run.directory}.yaml")
    save_config(config, file)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, WORKER, file, "auto"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    )


def result_of(config):
    run = RunDirectory(Path(config.run.directory))
    model = TransformerLM(config.model)
    load_checkpoint(run.checkpoint(STEPS), model)
    curve = [(entry["step"], entry.get("train_loss"), entry.get("valid_loss")) for entry in read_metrics(run.metrics)]
    return model.state_dict(), curve


@pytest.mark.parametrize(("optimizer", "goals"), [("adamw", (3, 25, 50, 75, 100)), ("muon", (40, 90))])
def test_a_run_killed_many_times_ends_like_an_undisturbed_one(tmp_path, long_run, optimizer, goals):
    config = dataclasses.replace(long_run, optimizer=dataclasses.replace(long_run.optimizer, name=optimizer))
    whole, killed = (with_folder(config, tmp_path / name) for name in ("whole", "killed"))
    Path(whole.run.directory).mkdir()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in the processes below
    train(whole, RunDirectory(Path(whole.run.directory)), open_data(whole.data, whole.model))
    torch.set_num_threads(threads)
    rng = random.Random(0)
    metrics = RunDirectory(Path(killed.run.directory)).metrics
    for goal in goals:
        process = start(killed)
        while process.poll() is None and last_step(metrics) < goal:
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.05))  # somewhere in a step, an evaluation or a checkpoint
        process.send_signal(signal.SIGKILL)
        process.communicate()
    process = start(killed)
    output, _ = process.communicate()
    assert process.returncode == 0, output
    (weights, curve), (expected_weights, expected_curve) = result_of(killed), result_of(whole)
    assert all(torch.equal(weights[name], expected_weights[name]) for name in weights)
    assert curve == expected_curve


def last_step(metrics):
    """The last step in the file, while another process may be writing to it."""
    try:
        line = metrics.read_bytes().rsplit(b"\n", 2)[-2]
        return json.loads(line)["step"]
    except (OSError, IndexError, ValueError):
        return 0


def test_signals_from_outside_save_the_run_and_set_the_exit_code(tmp_path, long_run):
    signals = (signal.SIGTERM, signal.SIGINT)
    runs = [RunDirectory(tmp_path / number.name) for number in signals]
    endless = dataclasses.replace(long_run, training=dataclasses.replace(long_run.training, steps=1_000_000))
    processes = [start(with_folder(endless, run.path)) for run in runs]  # side by side
    for run, process, number in zip(runs, processes, signals, strict=True):
        while process.poll() is None and last_step(run.metrics) < 5:
            time.sleep(0.001)
        process.send_signal(number)
    for run, process, number in zip(runs, processes, signals, strict=True):
        output, _ = process.communicate(timeout=120)
        assert process.returncode == INTERRUPTED_EXIT_CODE, output
        step = last_step(run.metrics)
        assert run.latest_checkpoint() == run.checkpoint(step)
        assert f"asked to stop ({number.name}): step {step} is saved" in run.log.read_text()


def test_thousands_of_steps_need_no_more_memory_and_files_than_hundreds(tmp_path, long_run):
    """Memory and open files, with an evaluation and a checkpoint every few steps."""
    config = with_folder(
        dataclasses.replace(
            long_run,
            training=dataclasses.replace(
                long_run.training,
                steps=2000,
                gradient_accumulation=1,
                log_interval=5,
                eval_interval=20,
                checkpoint_interval=20,
                eval_batches=1,
            ),
        ),
        tmp_path / "run",
    )
    Path(config.run.directory).mkdir()
    seen = {}

    def note(model, step):
        seen[step] = (resident_bytes(), len(os.listdir("/proc/self/fd")))
        return ""

    train(config, RunDirectory(tmp_path / "run"), open_data(config.data, config.model), sample=note)
    # The minimum of several, since a checkpoint may be being written at that moment.
    early, late = (
        [min(each) for each in zip(*(seen[end - 20 * k] for k in range(10)), strict=True)] for end in (500, 2000)
    )
    assert late[1] <= early[1]
    assert late[0] - early[0] < 20e6


def resident_bytes():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    pytest.skip("this system does not report it")
    return None
