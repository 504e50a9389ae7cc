"""A trained run as other commands take it: checked before torch is loaded."""

from pathlib import Path

from text_config import TextRunConfig, read_run_config
from trainer import RunDirectory, open_run_directory


def open_trained_run(path: Path, checkpoint: Path | None = None) -> tuple[RunDirectory, TextRunConfig]:
    """Return a run that has a checkpoint, and its configuration.

    Args:
        path: the run's folder.
        checkpoint: the folder of the checkpoint to use; the run's latest if not given.

    Raises:
        ValueError: the run or the checkpoint is missing, or the configuration is damaged.
    """
    run = open_run_directory(path)
    config = read_run_config(run)
    if checkpoint is None:
        run.latest_checkpoint()  # refuses a run without any
    elif not checkpoint.is_dir():
        raise ValueError(f"checkpoint {checkpoint} does not exist: give a folder in {run.checkpoints}")
    return run, config
