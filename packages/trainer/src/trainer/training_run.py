"""A run from beginning to end: what it needs is built, restored and opened, then the loop does its work."""

import dataclasses
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import torch

from nn import TransformerLM
from trainer.checkpoints.background import CheckpointWriter
from trainer.checkpoints.store import CheckpointStore
from trainer.config import TrainConfig
from trainer.config_files import save_config
from trainer.data.batches import TrainingBatches
from trainer.data.fingerprint import fingerprint_data, load_fingerprint, refuse_other_data, save_fingerprint
from trainer.data.training_data import TrainingData
from trainer.evaluation import SampleHook
from trainer.loop import Loop, nothing_left
from trainer.reporting.metrics_file import Entry, rewind_metrics
from trainer.reporting.reporters import Reporters, make_reporters
from trainer.run.directory import RunDirectory
from trainer.run.environment import record_environment
from trainer.run.lock import run_lock
from trainer.runtime.device import choose_device
from trainer.runtime.distributed import process_group
from trainer.runtime.interruption import Interruption
from trainer.train_state import Session, build_session


@dataclass(frozen=True)
class TrainingResult:
    """How a run ended."""

    model: TransformerLM
    """The trained model, on the run's device."""
    steps: int
    """Updates in all."""
    valid_loss: float
    """Validation loss at the end."""
    seconds: float
    """Time in the loop, over all sessions of the run."""


def train(
    config: TrainConfig,
    run: RunDirectory,
    data: TrainingData,
    *,
    resume: bool = False,
    sample: SampleHook | None = None,
    notes: Sequence[str] = (),
) -> TrainingResult:
    """Train a language model, into the folder of a run, where the configuration is saved first of all.

    The weights start from `run.seed`, and the batch of each step follows from the seed and the step, so that
    training for N steps gives the same weights, bit for bit on a CPU, as stopping at k and resuming.

    Args:
        config: the run.
        run: its folder, which exists.
        data: what `open_data` returned for the configuration.
        resume: go on from the newest whole checkpoint of the folder.
        sample: what to say at each evaluation, such as a text that the model writes.
        notes: what else to say at the start, and to keep in the log.

    Raises:
        ValueError: what the configuration asks for cannot be done here, the checkpoint or the data is not the run's, or
            the run has diverged.
        OSError: something cannot be read or written.
        TrainingInterrupted: the process was asked to stop; all is saved.
    """
    device = choose_device(config.run.device)
    with (
        Interruption() as interruption,
        process_group(config.training.parallel, device) as world,
        ExitStack() as stack,
    ):
        if world.size > 1 and device.type == "cuda":
            device = torch.device("cuda", world.local_rank)
        world.rows(config.training.batch_size, config.training.gradient_accumulation)  # refuses what cannot be shared
        if world.is_main:
            stack.enter_context(run_lock(run.path))
        session = build_session(config, world, device)
        batches = data.batches(
            seed=config.run.seed,
            batch_size=config.training.batch_size,
            context_length=config.model.context_length,
        )
        store = CheckpointStore(run.checkpoints, config.checkpoints)
        session.notes += store.recover() if world.is_main else ()
        world.barrier()
        if not resume and store.steps():
            raise ValueError(f"{run.path} has been trained already: resume it, or take another folder")
        fingerprint = fingerprint_data(data.train_files, [data.valid_file])
        if resume:
            if run.fingerprint.exists():  # which runs of the first format lack
                refuse_other_data(load_fingerprint(run.fingerprint), fingerprint)
            session.notes += _resume(session, store, batches)
        world.barrier()  # none may still be looking for a checkpoint when the main process tidies up
        # From here on the folder changes: a checkpoint that does not fit has been refused.
        told: list[Entry] = []
        if world.is_main:
            step, evaluated = session.progress.step, session.progress.valid_loss is not None
            told = rewind_metrics(run.metrics, step, evaluated=evaluated)
            session.notes += store.set_aside_after(step)
            if not nothing_left(config, session.progress):
                save_config(config, run.config)
            save_fingerprint(fingerprint, run.fingerprint)
            record_environment(run, device, step)
        with (
            _reporters(config, run, session) as reporter,
            CheckpointWriter(store) as writer,
        ):
            loop = Loop(session, run, data, batches, reporter, writer, interruption, sample, told)
            loop.introduce(notes)
            valid_loss, steps = loop.run_all()
            return TrainingResult(session.model, steps, valid_loss, session.seconds())


def _resume(session: Session, store: CheckpointStore, batches: TrainingBatches) -> list[str]:
    """Restore the newest whole checkpoint, and return what to say about it."""
    checkpoint, damaged = store.latest_good()
    step, steps = checkpoint.progress.step, session.config.training.steps
    if steps < step:
        raise ValueError(f"training.steps is {steps}, but step {step} is done: give at least {step}")
    known = checkpoint.progress.extras.get("batches", {})
    batches.check_same_epochs(known if isinstance(known, dict) else {})
    session.restore(checkpoint)
    return [*damaged, f"resuming after step {step}"]


def _reporters(config: TrainConfig, run: RunDirectory, session: Session) -> Reporters:
    """Return all that is told of the run; only the main process tells."""
    if not session.world.is_main:
        return Reporters([])
    return make_reporters(
        run,
        session.progress.step,
        config.training.steps,
        wandb=config.wandb,
        reporting=config.reporting,
        run_config=dataclasses.asdict(config),
    )
