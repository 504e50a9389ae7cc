"""How far a reader has to go to follow one training step: functions, files, and returns to a file already left.

The figures of a step with one layer, not compiled, on a CPU, from one look-up of the learning rate to the next. They
are a budget: a change that exceeds it makes the step harder to follow, and should be worth it.
"""

import importlib.util
import sys
from pathlib import Path

import numpy as np

from bpe import write_token_file
from nn import ModelConfig
from trainer import DataConfig, RunConfig, RunDirectory, TrainConfig, TrainingConfig, open_data, train

MAX_FUNCTIONS, MAX_FILES, MAX_RETURNS = 45, 18, 15
SOURCES = tuple(str(Path(importlib.util.find_spec(name).origin).parent) for name in ("bpe", "nn", "optim", "trainer"))


def tiny_config(folder):
    ids = np.random.default_rng(0).integers(0, 64, 600).tolist()
    for name in ("train.bin", "valid.bin"):
        write_token_file(folder / name, ids, 64)
    return TrainConfig(
        model=ModelConfig(vocab_size=64, context_length=16, d_model=32, num_layers=1, num_heads=2, d_ff=64),
        data=DataConfig(str(folder / "train.bin"), str(folder / "valid.bin")),
        training=TrainingConfig(steps=6, batch_size=4, compile="off", log_interval=100),
        run=RunConfig(directory=str(folder / "run"), device="cpu"),
    )


def calls_of_a_step(config):
    """Return file and function of each call of our own code during the fourth step, in order."""
    calls, look_ups = [], []

    def record(frame, event, argument):
        if event == "call" and frame.f_code.co_filename.startswith(SOURCES):
            if frame.f_code.co_name == "learning_rate":
                look_ups.append(len(calls))
            calls.append((frame.f_code.co_filename, frame.f_code.co_qualname))

    run = RunDirectory(Path(config.run.directory))
    run.path.mkdir()
    data = open_data(config.data, config.model)
    sys.setprofile(record)
    try:
        train(config, run, data)
    finally:
        sys.setprofile(None)
    return calls[look_ups[3] : look_ups[4]]


def test_one_training_step_can_be_followed(tmp_path):
    calls = calls_of_a_step(tiny_config(tmp_path))
    visited = [path for number, (path, _) in enumerate(calls) if number == 0 or calls[number - 1][0] != path]
    files = set(visited)
    names = {Path(path).name for path in files}
    assert {"step.py", "block.py", "attention.py", "loss.py", "adamw.py", "clipping.py", "batches.py"} <= names
    assert len(set(calls)) <= MAX_FUNCTIONS
    assert len(files) <= MAX_FILES, names
    assert len(visited) - len(files) <= MAX_RETURNS
