"""A training run as a program, alone or under torchrun: `run_worker.py CONFIG [resume]`."""

import sys
from pathlib import Path

from trainer import (
    INTERRUPTED_EXIT_CODE,
    RunDirectory,
    TrainConfig,
    TrainingInterrupted,
    open_data,
    parse_config,
    train,
)


def main(file, *words):
    config, _ = parse_config(TrainConfig, [], files=[file])
    path = Path(config.run.directory)
    path.mkdir(exist_ok=True)
    resume = "resume" in words or ("auto" in words and (path / "checkpoints").is_dir() and any(path.glob("*/step_*")))
    try:
        train(config, RunDirectory(path), open_data(config.data, config.model), resume=resume)
    except TrainingInterrupted:
        sys.exit(INTERRUPTED_EXIT_CODE)


if __name__ == "__main__":
    main(*sys.argv[1:])
