"""A training run on text: read the configuration, prepare the data, train.

This is where the packages meet; the applications that train differ only in their configuration. A run's tokenizer,
token files, checkpoints and loss curve are all in the run's folder.
"""

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import trainer  # trainer.open_data and trainer.train load torch when they are first used
from command import is_main_process, say
from run_request import read_request
from shared_run import being_prepared, wait_for_run
from step_memory import readable_memory_errors, require_memory
from text_config import TextRunConfig
from text_data import prepare_data, token_files
from trainer import RunDirectory, TrainingInterrupted, new_run_directory, save_config


def main(arguments: Sequence[str], default_config: str, description: str) -> None:
    """Train as the command line says, starting from a file of `configs/`."""
    request = read_request(arguments, default_config, description)
    config, run = request.config, request.run
    if request.dry_run:
        from dry_run import print_dry_run  # loads torch, which a mistake on the command line need not wait for

        print_dry_run(config, run)
        return
    if run is None:
        run = prepare_run(config)
    else:
        require_memory(config)
    train_and_plot(config, run, restore=request.restore, notes=request.notes)


def prepare_run(config: TextRunConfig) -> RunDirectory:
    """Create the run's folder with everything that training needs: configuration, tokenizer and token files.

    Of several processes that torchrun has started, the first creates the folder, and the others wait for it.

    Raises:
        FolderNotSharedError: this machine does not see the folder of the first process.
    """
    run = RunDirectory(Path(config.run.directory))
    if not is_main_process():
        wait_for_run(run)
        return run
    with new_run_directory(run.path) as unfinished, being_prepared(unfinished.path):
        require_memory(config)  # refuses a device that this machine does not have, too
        try:
            prepare_data(config.data, config.model, unfinished)
        except trainer.DataError as error:  # it names files in a folder that is about to be removed
            raise trainer.DataError(str(error).replace(str(unfinished.path), str(run.path))) from None
        save_config(config, unfinished.config)
    return run


def train_and_plot(
    config: TextRunConfig, run: RunDirectory, *, restore: bool = False, notes: Sequence[str] = ()
) -> "trainer.TrainingResult":
    """Train on the token files of a run, draw the loss curve, and print where everything is."""
    from samples import make_sampler, why_no_samples  # loads torch
    from trainer.plots import plot_loss  # loads matplotlib
    from trainer.runtime import TooLittleMemoryError  # loads torch

    data = trainer.open_data(token_files(config.data, run), config.model)
    notes = [*notes, *why_no_samples(config, run)]
    try:
        with readable_memory_errors():
            result = trainer.train(config, run, data, resume=restore, sample=make_sampler(config, run), notes=notes)
    except TooLittleMemoryError as error:
        raise TooLittleMemoryError(f"{error}; {_how_to_resume(run)}") from None
    except TrainingInterrupted as interruption:
        raise TrainingInterrupted(f"{interruption}; {_how_to_resume(run)}") from None
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f": {_how_to_resume(run)}") from None
    if is_main_process():
        say(f"run: {run.path}   loss curve: {plot_loss(run)}")
    return result


def _how_to_resume(run: RunDirectory) -> str:
    if "RANK" in os.environ:
        return "resume with the same command and --resume auto"
    program = f"uv run {shlex.quote(sys.argv[0])}"
    try:
        checkpoint = run.latest_checkpoint()
    except ValueError:
        return f"there is no checkpoint yet: delete {run.path} and start again, or add --resume auto to the command"
    return f"resume from {checkpoint.name} with {program} --resume {shlex.quote(str(run.path))}"
