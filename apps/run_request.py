"""What the command line of a training application asks for: a new run, or an existing run to resume.

Everything here is decided before torch is loaded, so that a mistake is reported at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from corpora import without_unused_corpus
from starting_weights import Adjustment, with_given_weights, with_model_of
from text_config import CONFIGS, TextRunConfig, read_run_config, with_directory
from text_data import check_data
from trainer import RunDirectory, config_difference, open_run_directory, option_values, parse_config

_FIXED = ("data.", "model.", "run.seed:", "run.init_from:")
_MAY_CHANGE = ("data.train_tokens:", "data.valid_tokens:", "model.attention:")  # files are recognized by their content

_EXAMPLES = (
    "",
    "--config configs/{name}_cpu.yaml --data.train_text train.txt --data.valid_text valid.txt",
    "--data.train_text train.txt --data.valid_text valid.txt --training.batch_size 64 --run.directory runs/mine",
    "--data.train_text train.txt --data.valid_text valid.txt --dry-run",
    "--data.train_text train.txt --data.valid_text valid.txt --run.init_from runs/mine --run.directory runs/more",
    "--resume runs/mine --training.steps 20000",
)
_OPTIONS = {
    "resume": "Resume the run in this folder, with its configuration. auto: resume run.directory if it contains a run, "
    "else start it; never: start a new run (the default).",
}
_FLAGS = {
    "dry-run": "Print sizes, costs and the time of a step, and train nothing.",
    "offline": "Never ask the network for a corpus that is missing.",
}


@dataclass(frozen=True)
class RunRequest:
    """A run to start or to resume."""

    config: TextRunConfig
    run: RunDirectory | None
    """The run's folder, if it exists already."""
    restore: bool
    """Whether to continue from a checkpoint in it."""
    dry_run: bool
    offline: bool
    """Whether a corpus that is missing may not be fetched."""
    notes: tuple[str, ...] = ()
    """What to print and log at the start."""


def read_request(arguments: Sequence[str], default_config: str, description: str) -> RunRequest:
    """Read the command line, starting from a file of `configs/`, unless it names files with `--config`.

    Those stand alone: a preset for another model or machine must not take what it does not mention from the default.

    Raises:
        ValueError: an option, a configuration file or a named path is wrong.
    """

    def parse(files: list[Path], adjust: Adjustment) -> tuple[TextRunConfig, dict[str, str | None]]:
        return parse_config(
            TextRunConfig,
            arguments,
            files=files,
            description=description,
            examples=[example.format(name=Path(default_config).stem) for example in _EXAMPLES],
            options=_OPTIONS,
            flags=_FLAGS,
            adjust=adjust,
        )

    preset = [] if option_values(arguments, "config") else [CONFIGS / default_config]
    config, given = parse(preset, lambda settings, chosen: with_given_weights(settings, chosen, arguments))
    resume = given["resume"] or "never"
    dry_run, offline = (given[flag] is not None for flag in _FLAGS)
    run = run_to_resume(resume, config)
    if run is None:
        data = without_unused_corpus(config.data)
        if data != config.data and (named := option_values(arguments, "data.corpus")):
            raise ValueError(f"data.corpus {named[-1]} and files of data are both given: remove one of them")
        check_data(data)
        return RunRequest(replace(config, data=data), None, restore=False, dry_run=dry_run, offline=offline)
    config, _ = parse([run.config], lambda settings, chosen: with_model_of(run, settings, chosen))
    config = in_its_own_folder(config, run, arguments)
    if resume == "auto" and not has_checkpoints(run):
        # The folder is complete, but training has saved nothing: another process has just created it, or it was killed.
        return RunRequest(config, run, restore=False, dry_run=dry_run, offline=offline)
    notes = check_changes(config, run)
    return RunRequest(config, run, restore=True, dry_run=dry_run, offline=offline, notes=notes)


def run_to_resume(resume: str, config: TextRunConfig) -> RunDirectory | None:
    """Return the run that `--resume` means, or None for a new run.

    Raises:
        ValueError: the folder that is named is not a run.
    """
    if resume == "never":
        return None
    if resume != "auto":
        return open_run_directory(resume)
    run = RunDirectory(Path(config.run.directory))
    return run if run.config.is_file() else None


def in_its_own_folder(config: TextRunConfig, run: RunDirectory, arguments: Sequence[str]) -> TextRunConfig:
    """Return the configuration of a run with its present folder: it may have been moved or copied.

    Raises:
        ValueError: the command line names another folder.
    """
    for directory in option_values(arguments, "run.directory"):
        if Path(directory).resolve() != run.path.resolve():
            raise ValueError(
                f"a resumed run keeps its folder: remove --run.directory {directory}, or resume a copy of the folder"
            )
    return with_directory(config, str(run.path))


def has_checkpoints(run: RunDirectory) -> bool:
    """Return whether a run contains a checkpoint, be it one whose replacement was cut short by a kill."""
    return any(run.checkpoints.glob("step_*")) or any(run.checkpoints.glob(".step_*.replaced"))


def check_changes(config: TextRunConfig, run: RunDirectory) -> tuple[str, ...]:
    """Return a note for each key that differs from the configuration stored in the run.

    Raises:
        ValueError: a key is changed that must stay the same within a run.
    """
    stored = with_directory(read_run_config(run), config.run.directory)
    changes = config_difference(stored, config)
    refused = [change for change in changes if change.startswith(_FIXED) and not change.startswith(_MAY_CHANGE)]
    if refused:
        raise ValueError(f"a resumed run keeps its data, its model and its seed: {'; '.join(refused)}")
    return tuple(f"note: the run continues with {change}" for change in changes)
