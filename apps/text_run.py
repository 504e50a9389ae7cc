"""A training run on text: read the configuration, prepare the data, train, write the run page.

This is where the packages meet; the applications that train differ only in their configuration. A run's tokenizer,
token files, checkpoints and page are all in the run's folder; a prepared corpus is shared by runs, and not copied.
"""

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import trainer  # trainer.open_data and trainer.train load torch when they are first used
from command import is_main_process, say
from corpora import require_corpus, with_found_corpus, with_prepared_corpus
from presets import cpu_preset_note
from run_request import read_request
from shared_run import being_prepared, wait_for_run
from starting_weights import copy_weights
from step_memory import readable_memory_errors, require_memory
from text_config import TextRunConfig, read_run_config, with_directory
from text_data import prepare_data, token_files
from trainer import RunDirectory, TrainingInterrupted, new_run_directory, option_values, save_config


def main(arguments: Sequence[str], default_config: str, description: str) -> None:
    """Train as the command line says, starting from a file of `configs/`."""
    request = read_request(arguments, default_config, description)
    config, run = request.config, request.run
    preset = None if run is not None or option_values(arguments, "config") else default_config
    if request.dry_run:
        from dry_run import print_dry_run  # loads torch, which a mistake on the command line need not wait for

        print_dry_run(with_found_corpus(config), run, preset)
        return
    if run is None:
        run = prepare_run(config, preset, offline=request.offline)
        config = with_directory(read_run_config(run), str(run.path))
    else:
        require_memory(config)
    train_and_plot(config, run, restore=request.restore, notes=request.notes)


def prepare_run(config: TextRunConfig, preset: str | None, *, offline: bool) -> RunDirectory:
    """Create the run's folder with everything that training needs: configuration, tokenizer and token files.

    The configuration that is stored there names the files of its corpus. Of several processes that torchrun has
    started, the first prepares the corpus and creates the folder, and the others wait for it.

    Args:
        config: the run.
        preset: the file of `configs/` that it comes from, if the command line does not name one.
        offline: whether a corpus that is missing may not be fetched.

    Raises:
        FolderNotSharedError: this machine does not see the folder of the first process.
    """
    run = RunDirectory(Path(config.run.directory))
    if not is_main_process():
        wait_for_run(run)
        return run
    with new_run_directory(run.path) as unfinished, being_prepared(unfinished.path):
        require_corpus(config, offline=offline)  # without torch, at once
        if note := cpu_preset_note(config, preset):
            say(note)
        require_memory(config)  # refuses a device that this machine does not have, too
        config = with_prepared_corpus(config, offline=offline)  # which may take hours
        copy_weights(config, unfinished)
        try:
            prepare_data(config.data, config.model, unfinished)
        except trainer.DataError as error:  # it names files in a folder that is about to be removed
            raise trainer.DataError(str(error).replace(str(unfinished.path), str(run.path))) from None
        save_config(config, unfinished.config)
    return run


def train_and_plot(
    config: TextRunConfig, run: RunDirectory, *, restore: bool = False, notes: Sequence[str] = ()
) -> "trainer.TrainingResult":
    """Train on the token files of a run, write its page, and print where it is.

    The page is also written if the run diverges or is interrupted; Ctrl-C a second time ends at once, without it.
    """
    from samples import make_sampler, why_no_samples  # loads torch
    from trainer.runtime import TooLittleMemoryError  # loads torch

    data = trainer.open_data(token_files(config.data, run), config.model)
    notes = [*notes, *why_no_samples(config, run)]
    try:
        with readable_memory_errors():
            result = trainer.train(config, run, data, resume=restore, sample=make_sampler(config, run), notes=notes)
    except TooLittleMemoryError as error:
        raise TooLittleMemoryError(f"{error}; {_how_to_resume(run)}") from None
    except trainer.DivergedError as error:
        write_page(run, problem=str(error))
        raise
    except TrainingInterrupted as interruption:
        write_page(run)
        raise TrainingInterrupted(f"{interruption}; {_how_to_resume(run)}") from None
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f": {_how_to_resume(run)}") from None
    page = write_page(run)
    if page is not None:
        say(f"run: {run.path}   report: {page}")
    return result


def write_page(run: RunDirectory, problem: str | None = None) -> Path | None:
    """Write the run page and the loss curve, and return the page's path; only the main process writes them.

    A run that has ended is not lost because its page cannot be written: then a note is printed.
    """
    if not is_main_process():
        return None
    from run_page import write_run_page  # loads matplotlib
    from trainer.plots import plot_loss

    try:
        plot_loss(run)
        return write_run_page(run, problem)
    except (ValueError, OSError) as error:
        say(f"note: the run page was not written: {error}")
        return None


def _how_to_resume(run: RunDirectory) -> str:
    if "RANK" in os.environ:
        return "resume with the same command and --resume auto"
    program = f"uv run {shlex.quote(sys.argv[0])}"
    try:
        checkpoint = run.latest_checkpoint()
    except ValueError:
        return f"there is no checkpoint yet: delete {run.path} and start again, or add --resume auto to the command"
    return f"resume from {checkpoint.name} with {program} --resume {shlex.quote(str(run.path))}"
