"""Training a model: a run as the training applications make it, in the folder `run` of the member.

An interrupted member resumes from its run's latest checkpoint, bit for bit on a CPU.

A run has diverged if its loss or gradient is not finite in several steps in a row, if a validation loss is not finite,
or if its final validation loss is above that of guessing uniformly among the vocabulary, `ln(vocab_size)`.

`values`:
    valid_loss: on the tokens of the final evaluation, in nats per token; missing if training stopped before.
    train_loss: the mean of those logged in the last tenth of the steps.
    bits_per_byte: the final loss for a byte of text, where the number of bytes is known.
    steps, tokens: done.
    parameters, flops: of the model, and of the whole training by `nn.accounting.training_flops`.
    tokens_per_second: the median of those logged.
    guessing_loss: `ln(vocab_size)`.
    diverged_at_step: only of diverged runs: the first of the steps that were skipped because they were not finite, or
        the first evaluation from which on the loss stayed above guessing.

`curves`: `valid_loss`, `train_loss`.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean, median
from typing import Any

import trainer  # trainer.train loads torch when it is first used
from experimentation.training_settings import read_training
from experimentation.workspace import Curve, Outcome, TextSource, Value, Workspace
from nn.accounting import count_parameters, training_flops
from run_request import has_checkpoints
from text_config import TextRunConfig
from text_data import token_files
from text_run import prepare_run
from trainer import RunDirectory, WandbConfig, read_metrics

Entry = Mapping[str, Any]
"""A line of metrics.jsonl."""


def run(settings: Mapping[str, Any], seed: int, workspace: Workspace) -> Outcome:
    """Train, or resume what was interrupted.

    Raises:
        ValueError: a setting is not allowed, or the data cannot be used.
        OSError: a file cannot be read or written.
        TrainingInterrupted: the process was asked to stop; everything is saved.
    """
    training = read_training(settings, workspace.scale)
    text = workspace.other_text if training.corpus == "other" else workspace.text
    folder = RunDirectory(workspace.folder / "run")
    config = with_files(training.config, text, folder.path, seed, workspace)
    try:
        seconds = train(config, folder)
        diverged = None
    except trainer.DivergedError:
        entries = read_metrics(folder.metrics)
        seconds = float(entries[-1]["seconds"]) if entries else 0.0
        diverged = first_skipped_step(folder.path) or last_step(entries)
    return outcome(config, read_metrics(folder.metrics), diverged, seconds)


def with_files(
    config: TextRunConfig, text: TextSource, directory: Path, seed: int, workspace: Workspace
) -> TextRunConfig:
    """Return the configuration with the files of its corpus, its folder, its seed, and where it reports to."""
    data = replace(
        config.data,
        train_tokens=str(text.train_tokens),
        valid_tokens=str(text.valid_tokens),
        tokenizer=str(text.tokenizer),
    )
    run = replace(config.run, directory=str(directory), seed=seed, device=workspace.device)
    wandb = WandbConfig(workspace.wandb_mode, group=workspace.group, tags=workspace.tags)
    return replace(config, data=data, run=run, wandb=wandb)


def train(config: TextRunConfig, run: RunDirectory) -> float:
    """Start or resume the run; return the seconds of training, over all sessions."""
    if not run.config.is_file():
        prepare_run(config, None, offline=True)
    data = trainer.open_data(token_files(config.data, run), config.model)
    return trainer.train(config, run, data, resume=has_checkpoints(run)).seconds


def outcome(config: TextRunConfig, entries: Sequence[Entry], diverged: int | None, seconds: float) -> Outcome:
    """Return the outcome of a run from its metrics.

    Args:
        config: the run's configuration.
        entries: the lines of its metrics.jsonl.
        diverged: the step at which training had to stop, if it had.
        seconds: the time of training.
    """
    losses = [entry for entry in entries if entry.get("valid_loss") is not None]
    steps = last_step(entries)
    tokens = config.training.num_rows(steps) * config.model.context_length
    guessing = math.log(config.model.vocab_size)
    values: dict[str, Value] = {
        "steps": steps,
        "tokens": tokens,
        "parameters": count_parameters(config.model).total,
        "flops": training_flops(config.model).total * config.training.num_rows(steps),
        "guessing_loss": guessing,
    }
    if diverged is None:
        values["valid_loss"] = losses[-1]["valid_loss"]
        if losses[-1].get("bits_per_byte") is not None:
            values["bits_per_byte"] = losses[-1]["bits_per_byte"]
        if losses[-1]["valid_loss"] > guessing:
            diverged = first_above(losses, guessing)
    if (train_loss := final_train_loss(entries, steps)) is not None:
        values["train_loss"] = train_loss
    if speeds := [entry["tokens_per_second"] for entry in entries if entry.get("tokens_per_second")]:
        values["tokens_per_second"] = median(speeds)
    if diverged is not None:
        values["diverged_at_step"] = diverged
    return Outcome(
        values,
        {name: curve for name in ("valid_loss", "train_loss") if (curve := curve_of(entries, name))["step"]},
        status="finished" if diverged is None else "diverged",
        seconds=seconds,
    )


def curve_of(entries: Sequence[Entry], name: str) -> Curve:
    """Return the known values of a metric, with step and time."""
    known = [entry for entry in entries if entry.get(name) is not None]
    columns = {"step": "step", "seconds": "seconds", "value": name}
    return {column: [entry[key] for entry in known] for column, key in columns.items()}


def final_train_loss(entries: Sequence[Entry], steps: int) -> float | None:
    """Return the mean training loss of the last tenth of the steps, which is less noisy than the last one."""
    known = [entry for entry in entries if entry.get("train_loss") is not None]
    late = [entry["train_loss"] for entry in known if entry["step"] > 0.9 * steps] or [
        entry["train_loss"] for entry in known[-1:]
    ]
    return fmean(late) if late else None


def first_above(losses: Sequence[Entry], guessing: float) -> int:
    """Return the step of the first evaluation from which on all losses are above that of guessing.

    >>> first_above([{"step": 1, "valid_loss": 9}, {"step": 2, "valid_loss": 4}, {"step": 3, "valid_loss": 9}], 6.2)
    3
    """
    step = int(losses[-1]["step"])
    for entry in reversed(losses):
        if entry["valid_loss"] <= guessing:
            break
        step = int(entry["step"])
    return step


def first_skipped_step(run: Path) -> int | None:
    """Return the first of the steps in a row that ended a run, if those were the reason."""
    path = run / "diverged.json"
    return min(map(int, json.loads(path.read_text("utf-8"))["file_and_start"])) if path.is_file() else None


def last_step(entries: Sequence[Entry]) -> int:
    """Return the last step that was logged."""
    return max((int(entry["step"]) for entry in entries), default=0)
