"""A training run on text: tokenizer, token files, model, loss curve, all in the run's folder.

This is where the packages meet. The applications that train differ only in their configuration.
"""

import os
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bpe import Tokenizer
from command import say
from dry_run import print_dry_run
from nn import SamplingConfig, TransformerLM
from text_data import TextDataConfig, check_data, prepare_data, token_files
from trainer import (
    DataError,
    RunDirectory,
    SampleHook,
    TrainConfig,
    TrainingInterrupted,
    TrainingResult,
    choose_device,
    config_difference,
    new_run_directory,
    open_data,
    open_run_directory,
    option_values,
    parse_config,
    save_config,
    train,
)
from trainer.checkpoints import open_checkpoint
from trainer.data import TrainingData
from trainer.plots import plot_loss

CONFIGS = Path(__file__).resolve().parents[1] / "configs"


_KEPT = ("data.", "model.", "run.seed:")
_MAY_CHANGE = ("data.train_tokens:", "data.valid_tokens:", "model.attention:")  # files are known by their content


@dataclass(frozen=True)
class SampleConfig:
    """A text that the model writes at each evaluation, for people to see how it comes along."""

    prompt: str | None = None
    """What it continues; "" begins a document; null: no samples."""
    max_new_tokens: int = 64
    """Where it stops at the latest."""
    temperature: float = 0.7
    """As in apps/generate.py."""

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1:
            raise ValueError(f"sample.max_new_tokens is {self.max_new_tokens}: it must be at least 1")
        SamplingConfig(self.temperature)  # refuses what is out of range


@dataclass(frozen=True)
class TextRunConfig(TrainConfig):
    """Everything that decides a training run on text."""

    data: TextDataConfig = field(default_factory=TextDataConfig)
    sample: SampleConfig = field(default_factory=SampleConfig)


def main(arguments: Sequence[str], default_config: str, description: str) -> None:
    """Train as the command line says, starting from a file of `configs/`."""
    options = {
        "resume": "A run's folder to go on with, by its configuration; auto: run.directory, if it has begun; or never.",
    }
    flags = {"dry-run": "Say what the run would be and cost, and train nothing."}

    def parse(file: Path) -> tuple[TextRunConfig, dict[str, str | None]]:
        return parse_config(
            TextRunConfig, arguments, files=[file], description=description, options=options, flags=flags
        )

    config, given = parse(CONFIGS / default_config)
    run = run_to_resume(given["resume"] or "never", config)
    if run is not None:
        config, _ = parse(run.config)
        config = in_its_own_folder(config, run, arguments)
    choose_device(config.run.device)
    if given["dry-run"]:
        check_data(config.data)
        print_plan(config, run)
    elif run is None:
        start_run(config)
    elif given["resume"] == "auto" and not has_checkpoints(run):
        # The folder is whole, but nothing of the training is: another process has just made it, or it was killed early.
        train_and_plot(config, run, open_data(token_files(config.data, run), config.model))
    else:
        resume_run(config, run)


def run_to_resume(asked: str, config: TextRunConfig) -> RunDirectory | None:
    """Return the run that `--resume` means, or None if a new one is to begin.

    Raises:
        ValueError: the folder that is named is no run.
    """
    if asked == "never":
        return None
    if asked != "auto":
        return open_run_directory(asked)
    run = RunDirectory(Path(config.run.directory))
    return run if run.config.is_file() else None


def in_its_own_folder(config: TextRunConfig, run: RunDirectory, arguments: Sequence[str]) -> TextRunConfig:
    """Return the configuration of a run that may have been moved or copied since it began.

    Raises:
        ValueError: the command line names another folder.
    """
    for directory in option_values(arguments, "run.directory"):
        if Path(directory).resolve() != run.path.resolve():
            raise ValueError(
                f"a resumed run keeps its folder: leave out --run.directory {directory}, or copy the folder"
            )
    return with_directory(config, str(run.path))


def has_checkpoints(run: RunDirectory) -> bool:
    """Say whether a run has got as far as a checkpoint, be it one whose replacement a kill has cut short."""
    return any(run.checkpoints.glob("step_*")) or any(run.checkpoints.glob(".step_*.replaced"))


def print_plan(config: TextRunConfig, run: RunDirectory | None) -> None:
    """Print what a run would be, with what is known of its data before it begins."""
    if not is_main_process():
        return
    data = config.data
    encoded = [data.train_text, data.valid_text] if run is None else []
    texts = [Path(text) for text in encoded if text is not None]
    known = None
    if run is not None:
        known = open_data(token_files(data, run), config.model)
    elif not texts:
        known = open_data(data, config.model)
    print_dry_run(config, known, texts)


def start_run(config: TextRunConfig) -> TrainingResult:
    """Make the run's folder with all that training needs, then train.

    Of several processes that torchrun has started, the first makes the folder, and the others wait for it.
    """
    check_data(config.data)
    run = RunDirectory(Path(config.run.directory))
    if not is_main_process():
        while not run.config.is_file():
            time.sleep(0.1)
        return train_and_plot(config, run, open_data(token_files(config.data, run), config.model))
    with new_run_directory(config.run.directory) as made:
        try:
            prepare_data(config.data, config.model, made)
        except DataError as error:  # which names files where they will never be seen
            raise DataError(str(error).replace(str(made.path), config.run.directory)) from None
        save_config(config, made.config)
    return train_and_plot(config, run, open_data(token_files(config.data, run), config.model))


def is_main_process() -> bool:
    """Say whether this process, if torchrun started it, is the one that prepares and reports."""
    return os.environ.get("RANK", "0") == "0"


def resume_run(config: TextRunConfig, run: RunDirectory) -> TrainingResult:
    """Go on with a run from its newest whole checkpoint.

    Raises:
        ValueError: the configuration asks for what cannot be changed in the middle of a run, or there is no checkpoint
            that can be used.
    """
    stored, _ = parse_config(TextRunConfig, [], files=[run.config])
    stored = with_directory(stored, config.run.directory)
    changes = config_difference(stored, config)
    kept = [change for change in changes if change.startswith(_KEPT) and not change.startswith(_MAY_CHANGE)]
    if kept:
        raise ValueError(f"a resumed run keeps its data, its model and its seed: {'; '.join(kept)}")
    notes = [f"note: the run goes on with {change}" for change in changes]
    data = open_data(token_files(config.data, run), config.model)
    return train_and_plot(config, run, data, resume=True, notes=notes)


def train_and_plot(
    config: TextRunConfig,
    run: RunDirectory,
    data: TrainingData,
    *,
    resume: bool = False,
    notes: Sequence[str] = (),
) -> TrainingResult:
    """Train, draw the loss, and say where everything is."""
    sample = _sampler(config, run)
    several = os.environ.get("WORLD_SIZE", "1") != "1"
    if config.sample.prompt is not None and (sample is None or several):
        reason = "the run has no tokenizer" if sample is None else "they are left out where several processes train"
        notes = [*notes, f"note: there will be no samples: {reason}"]
    try:
        result = train(config, run, data, resume=resume, sample=sample, notes=notes)
    except TrainingInterrupted as interruption:
        raise TrainingInterrupted(f"{interruption}; {_how_to_go_on(run)}") from None
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f": {_how_to_go_on(run)}") from None
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or "memory" in str(error).lower():
            raise ValueError(
                "out of memory: lower training.batch_size, or raise training.gradient_accumulation"
            ) from error
        raise
    if is_main_process():
        say(f"run: {run.path}   loss curve: {plot_loss(run)}")
    return result


def restore_checkpoint(model: TransformerLM, run: RunDirectory, named: Path | None = None) -> Path:
    """Fill a model from a checkpoint of a run: the one that is named, else the newest that is whole.

    Returns:
        The checkpoint's folder.

    Raises:
        ValueError: there is none, it is damaged, or it is of another model.
    """
    checkpoint, messages = (open_checkpoint(named), ()) if named is not None else run.latest_good_checkpoint()
    for message in messages:
        print(f"note: {message}", file=sys.stderr)
    checkpoint.restore(model)
    return checkpoint.path


def _sampler(whole: TextRunConfig, run: RunDirectory) -> SampleHook | None:
    """Return what writes a sample, or None if none are wanted, or there is no tokenizer to read them with.

    Raises:
        ValueError: the prompt is longer than the model's context.
    """
    config = whole.sample
    if config.prompt is None or not run.tokenizer.is_file():
        return None
    from generate import Speaker  # here, since it reads a run's configuration by this module

    tokenizer, prompt = Tokenizer.load(run.tokenizer), config.prompt
    length = len(tokenizer.encode(prompt))
    if length > whole.model.context_length:
        raise ValueError(
            f"sample.prompt has {length} tokens, but model.context_length is {whole.model.context_length}: shorten it"
        )

    def sample(model: TransformerLM, step: int) -> str:
        speaker = Speaker(model, tokenizer)
        ids = speaker.encode_prompt(prompt)
        text = "".join(speaker.speak(ids, config.max_new_tokens, SamplingConfig(config.temperature, top_p=0.9), seed=0))
        return f"step {step}, a sample: {prompt}{text}"

    return sample


def _how_to_go_on(run: RunDirectory) -> str:
    if "RANK" in os.environ:
        return "go on by the same command with --resume auto"
    program = f"uv run {shlex.quote(sys.argv[0])}"
    try:
        checkpoint = run.latest_checkpoint()
    except ValueError:
        return f"there is no checkpoint yet: delete {run.path} and start again, or add --resume auto to the command"
    return f"go on from {checkpoint.name} with {program} --resume {shlex.quote(str(run.path))}"


def with_directory(config: TextRunConfig, directory: str) -> TextRunConfig:
    """Return the configuration with another folder for its run."""
    return replace(config, run=replace(config.run, directory=directory))
