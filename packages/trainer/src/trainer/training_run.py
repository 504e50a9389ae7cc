"""A run from start to end: build or restore what it trains, open what it writes to, and train."""

import dataclasses
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import torch

from nn import TransformerLM
from trainer.checkpoints.background import CheckpointWriter
from trainer.checkpoints.retrying import Saver
from trainer.checkpoints.store import CheckpointStore
from trainer.config import TrainConfig
from trainer.config_files import save_config
from trainer.data.batches import TrainingBatches
from trainer.data.fingerprint import (
    DataFingerprint,
    fingerprint_data,
    load_fingerprint,
    refuse_other_data,
    save_fingerprint,
)
from trainer.data.training_data import TrainingData
from trainer.divergence import SkippedSteps
from trainer.evaluation import Evaluator, SampleHook
from trainer.loop import Loop, is_finished
from trainer.reporting.metrics_file import Entry, rewind_metrics
from trainer.reporting.reporters import Reporters, make_reporters
from trainer.run.directory import RunDirectory
from trainer.run.environment import record_environment
from trainer.run.lock import run_lock
from trainer.run_report import RunReport
from trainer.runtime.device import choose_device
from trainer.runtime.distributed import process_group
from trainer.runtime.interruption import Interruption
from trainer.train_state import TrainState, build_train_state


@dataclass(frozen=True)
class TrainingResult:
    """The outcome of a run."""

    model: TransformerLM
    """The trained model, on the run's device."""
    steps: int
    """Steps in total."""
    valid_loss: float
    """Validation loss at the end."""
    seconds: float
    """Time spent in training, over all sessions of the run."""


def train(
    config: TrainConfig,
    run: RunDirectory,
    data: TrainingData,
    *,
    resume: bool = False,
    sample: SampleHook | None = None,
    notes: Sequence[str] = (),
) -> TrainingResult:
    """Train a language model, into the folder of a run.

    The initial weights follow from `run.seed`, unless the folder contains given ones, and the batch of each step from
    the seed and the step. So training for N steps gives the same weights as stopping after k steps and resuming: bit
    for bit on a CPU.

    Args:
        config: the configuration, which is saved in the folder.
        run: the folder, which exists.
        data: what `open_data` returned for the configuration.
        resume: continue from the newest intact checkpoint in the folder.
        sample: returns a text of the model to log with each evaluation.
        notes: messages to log at the start.

    Raises:
        ValueError: the configuration asks for something that this machine cannot do or has too little memory for, the
            checkpoint or the data belongs to another run, or the run diverged.
        OSError: a file cannot be read or written.
        LostProcessError: an OSError: another process has ended or does not answer.
        TrainingInterrupted: the process was asked to stop; everything is saved.
    """
    device = choose_device(config.run.device)
    with (
        Interruption() as interruption,
        process_group(config.training.parallel, device, config.training.collective_timeout) as world,
        ExitStack() as stack,
    ):
        if world.size > 1 and device.type == "cuda":
            device = torch.device("cuda", world.local_rank)
        world.rows(config.training.batch_size, config.training.gradient_accumulation)  # refuses an uneven division
        if world.is_main:
            stack.enter_context(run_lock(run.path))
        state = build_train_state(config, world, device)
        batches = data.batches(
            seed=config.run.seed,
            batch_size=config.training.batch_size,
            context_length=config.model.context_length,
        )
        store = CheckpointStore(run.checkpoints, config.checkpoints)
        state.notes += store.recover() if world.is_main else ()
        world.barrier()
        if not resume and store.steps():
            raise ValueError(f"{run.path} has been trained already: resume it, or use another folder")
        fingerprint = fingerprint_data(data.train_files, [data.valid_file])
        if resume:
            if run.fingerprint.exists():  # which runs of the first format do not have
                refuse_other_data(load_fingerprint(run.fingerprint), fingerprint)
            state.notes += _resume(state, store, batches)
        else:
            state.start(run)
        _require_same_run(state, fingerprint)
        world.barrier()  # until every process has read the checkpoint, before the main process changes the folder
        logged = _prepare_folder(run, state, store, fingerprint) if world.is_main else []
        with (
            _reporters(config, run, state) as reporter,
            CheckpointWriter(store) as writer,
        ):
            skipped = SkippedSteps(config.training.max_skipped_in_a_row)
            skipped.restore(state.progress.extras)
            report = RunReport(state, reporter, logged)
            report.introduce(data, notes)
            evaluator = Evaluator(state, data, reporter, interruption, sample)
            saver = Saver(state.contents, world, writer, reporter.message)
            loop = Loop(state, batches, skipped, report, evaluator, saver, interruption, run.path / "diverged.json")
            valid_loss, steps = loop.run()
            return TrainingResult(state.model, steps, valid_loss, state.elapsed_seconds())


def _resume(state: TrainState, store: CheckpointStore, batches: TrainingBatches) -> list[str]:
    """Restore the newest intact checkpoint, and return messages about it."""
    checkpoint, damaged = store.latest_good()
    step, steps = checkpoint.progress.step, state.config.training.steps
    if steps < step:
        raise ValueError(f"training.steps is {steps}, but step {step} is done: give at least {step}")
    known = checkpoint.progress.extras.get("batches", {})
    batches.check_same_epochs(known if isinstance(known, dict) else {})
    state.restore(checkpoint)
    return [*damaged, f"resuming after step {step}"]


def _require_same_run(state: TrainState, fingerprint: DataFingerprint) -> None:
    """Refuse processes that were started differently, or on machines that do not share the run's folder.

    Paths may differ: each machine may have its own copy of the token files.
    """
    sections = dataclasses.asdict(state.config)
    settings = {
        f"{section}.{key}": value
        for section in ("model", "optimizer", "schedule", "training")
        for key, value in sections[section].items()
    }
    files = (*fingerprint.train, *fingerprint.valid)
    state.world.require_same(
        {
            **settings,
            "run.seed": state.config.run.seed,
            "token files with the hashes": [file.digest for file in files],
            "a checkpoint to start from, at step": state.progress.step,
            "torch": torch.__version__,
        }
    )


def _prepare_folder(
    run: RunDirectory, state: TrainState, store: CheckpointStore, fingerprint: DataFingerprint
) -> list[Entry]:
    """Bring the folder to the present step; return the entries of metrics.jsonl until then.

    This is the first change to the folder: a checkpoint or data that does not fit was refused before.
    """
    progress = state.progress
    logged = rewind_metrics(run.metrics, progress.step, evaluated=progress.valid_loss is not None)
    state.notes += store.set_aside_after(progress.step)
    if not is_finished(state.config, progress):
        save_config(state.config, run.config)
    save_fingerprint(fingerprint, run.fingerprint)
    record_environment(run, state.device, progress.step, state.source)
    return logged


def _reporters(config: TrainConfig, run: RunDirectory, state: TrainState) -> Reporters:
    """Open everything that a run reports to; only the main process reports."""
    if not state.world.is_main:
        return Reporters([])
    return make_reporters(
        run,
        state.progress.step,
        config.training.steps,
        wandb=config.wandb,
        reporting=config.reporting,
        run_config=dataclasses.asdict(config),
    )
