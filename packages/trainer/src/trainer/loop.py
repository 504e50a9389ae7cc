"""The training loop: one update after another, and between them what is due."""

import dataclasses
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field

from torch import Tensor

from nn.accounting import training_flops
from optim import describe_groups
from trainer.checkpoints.background import CheckpointWriter
from trainer.checkpoints.format import Progress, digest
from trainer.checkpoints.retrying import Saver
from trainer.config import TrainConfig
from trainer.config_files import plain_values
from trainer.data.batches import TrainingBatches
from trainer.data.prefetch import prefetched
from trainer.data.training_data import TrainingData
from trainer.evaluation import EvaluationStopped, SampleHook, perplexity
from trainer.guarded_updates import GuardedUpdates, answers_late
from trainer.guards import NonFiniteGuard, SpikeDetector
from trainer.reporting.metrics_file import Entry
from trainer.reporting.reporters import Reporters
from trainer.reporting.throughput import Throughput
from trainer.run.directory import RunDirectory
from trainer.run_evaluation import Evaluator
from trainer.runtime.device import device_name
from trainer.runtime.interruption import Interruption, TrainingInterrupted
from trainer.runtime.memory import peak_memory_bytes
from trainer.runtime.peak_flops import datasheet_peak_flops
from trainer.step import group_parameters, learning_rate, learning_rate_by_time
from trainer.train_state import Session


@dataclass
class Loop:
    """Trains a session to its end, reports of it, and saves it."""

    session: Session
    run: RunDirectory
    data: TrainingData
    batches: TrainingBatches
    reporter: Reporters
    writer: CheckpointWriter
    interruption: Interruption
    sample: SampleHook | None
    told: list[Entry]
    """What metrics.jsonl says of the steps that are done."""
    guard: NonFiniteGuard = field(init=False)
    updates: GuardedUpdates = field(init=False)
    evaluator: Evaluator = field(init=False)
    saver: Saver = field(init=False)
    throughput: Throughput = field(init=False)
    spikes: SpikeDetector | None = None
    valid_loss: float | None = None
    """That of this very step, if it was evaluated."""
    rate: float | None = None
    """Learning rate of the last update."""

    def __post_init__(self) -> None:
        settings, progress = self.session.config.training, self.session.progress
        if settings.spike_threshold is not None:
            self.spikes = SpikeDetector(settings.spike_threshold)
            for entry in self.told:
                if entry.get("train_loss") is not None:
                    self.spikes.saw(entry["train_loss"])
        self.guard = NonFiniteGuard(settings.max_skipped_in_a_row)
        self.guard.go_on(progress.extras)
        self.updates = GuardedUpdates(
            self.session,
            self.guard,
            self.batches,
            replay=self.run.path / "diverged.json",
            tell=self.reporter.message,
            deferred=answers_late(self.session),
        )
        self.evaluator = Evaluator(self.session, self.data, self.reporter, self.interruption, self.sample)
        if progress.best_loss is not None and progress.best_step is not None:
            self.evaluator.best = (progress.best_loss, progress.best_step)
        self.saver = Saver(self.session.contents, self.session.world, self.writer, self.reporter.message)
        self.throughput = self._clock(progress.step)
        self.rate = progress.schedule.get("learning_rate")
        self.valid_loss = progress.valid_loss

    def _clock(self, step: int) -> Throughput:
        """Return what measures tokens a second, and the share of the device's peak."""
        session, config = self.session, self.session.config
        stated = config.reporting.peak_flops or datasheet_peak_flops(device_name(session.device), session.precision)
        return Throughput(
            session.device,
            tokens=step * config.training.batch_size * config.model.context_length,
            flops_per_token=training_flops(config.model).total / config.model.context_length,
            peak_flops=stated,
            num_devices=session.world.size,
        )

    def introduce(self, notes: Sequence[str]) -> None:
        """Say what is trained on what, and how parameters are updated, if that is not in the log yet."""
        session, config = self.session, self.session.config
        model = session.model
        processes = f", {session.world.size} processes ({config.training.parallel})" if session.world.size > 1 else ""
        self.reporter.message(
            f"{model.num_parameters():,} parameters ({model.num_parameters(embedding=False):,} without the embedding) "
            f"on {device_name(session.device)}{processes}; {self.data.num_train_tokens:,} tokens to train on, "
            f"{len(self.data.valid):,} to evaluate on"
        )
        if config.optimizer.name != "sgd" and session.progress.step == 0:
            self.reporter.message(describe_groups(group_parameters(config.optimizer, model)))
        for note in (*session.notes, *notes):
            self.reporter.message(note)

    def run_all(self) -> tuple[float, int]:
        """Run all steps that are left; returns the last validation loss, and the last step.

        Raises:
            DivergedError: losses or gradients are no numbers any more.
            TrainingInterrupted: the process was asked to stop; all is saved.
            OSError: a checkpoint or the metrics cannot be written.
        """
        session, settings = self.session, self.session.config.training
        first = session.progress.step
        session.started = time.perf_counter()
        done = nothing_left(session.config, session.progress)
        if not done:
            with self._compiling(first):
                self._rehearse()
        if self.valid_loss is None and first and (done or first % settings.eval_interval == 0):
            self._evaluate_or_stop(first)  # the run was asked to stop before it had
            self.saver.finish(self._progress(first))
        if done:
            self.reporter.message(f"nothing left to do: step {first} of {settings.steps} is done")
            return self._measure_again(first), first
        self.throughput = self._clock(first)
        _, _, seconds = self._agree()
        steps = range(first + 1, settings.steps + 1)
        with prefetched(self._prepare, steps, session.device) as prefetcher:
            for step in steps:
                self.rate = self._rate(step, seconds)
                inputs, targets = next(prefetcher)
                with self._compiling(first) if step == first + 1 else nullcontext():
                    loss, norm = self.updates.update(step, inputs, targets, self.rate)
                self.valid_loss = None
                interrupted, save_failed, seconds = self._agree()
                last = step == settings.steps or self._out_of_time(seconds)
                report_now = step % settings.log_interval == 0 or step == 1 or last
                evaluate_now = step % settings.eval_interval == 0 or last
                save_now = step % settings.checkpoint_interval == 0 or last or save_failed
                if report_now or evaluate_now or save_now or interrupted:
                    self.updates.settle()
                if report_now:
                    self._report(step, loss, norm)
                if interrupted and not last:
                    self._save_and_stop(step)
                if self.guard.in_a_row and not last:
                    save_now = False  # these weights may be the reason why updates are left out
                if evaluate_now or save_now or step == first + 1:
                    with self.throughput.excluded():
                        self._look_and_save(step, evaluate=evaluate_now, save=save_now, last=last)
                        if step == first + 1 and not last:
                            self.saver.reserve(self._progress(step))
                if last:
                    break
        assert self.valid_loss is not None
        return self.valid_loss, step

    def _look_and_save(self, step: int, *, evaluate: bool, save: bool, last: bool) -> None:
        """Do what is due after a step; the sample comes last, since it may fail, and nobody needs it."""
        if evaluate:
            self._evaluate_or_stop(step)
        if last:
            self.saver.finish(self._progress(step))
        elif save:
            self.saver.save(self._progress(step))
        if evaluate:
            self.evaluator.show_sample(step)

    def _agree(self) -> tuple[bool, bool, float]:
        """Return, the same in all processes: whether one was asked to stop, or failed to save, and the time."""
        requested, failed, seconds = self.session.world.max(
            float(self.interruption.requested is not None),
            float(self.saver.try_again or self.writer.failed),
            self.session.seconds(),
        )
        return requested > 0, failed > 0, seconds

    def _out_of_time(self, seconds: float) -> bool:
        limit = self.session.config.training.max_seconds
        return limit is not None and seconds >= limit

    @contextmanager
    def _compiling(self, saved: int) -> Iterator[None]:
        """Take an error for the wish to stop, where there was one: Ctrl-C ends the compilers that torch has started.

        Raises:
            TrainingInterrupted: the process was asked to stop, and something in the block failed.
        """
        try:
            yield
        except RuntimeError as error:
            if self.interruption.requested is None:
                raise
            what = f"step {saved} was saved before" if saved else "no step was done yet"
            raise TrainingInterrupted(f"{self.interruption.requested}: {what}") from error

    def _rate(self, step: int, seconds: float) -> float:
        schedule, settings = self.session.config.schedule, self.session.config.training
        if schedule.by == "time" and settings.max_seconds is not None:
            return learning_rate_by_time(schedule, seconds, settings.max_seconds)
        return learning_rate(schedule, step, settings.steps)

    def _report(self, step: int, loss: Tensor, norm: Tensor) -> None:
        """Tell the figures of a step; nothing of one that was left out."""
        value = loss.item()
        if not math.isfinite(value):
            return
        if self.spikes is not None and self.spikes.saw(value):
            self.reporter.message(f"step {step}: the loss has jumped to {value:.3f}")
        settings = self.session.config.training
        tokens = step * settings.batch_size * self.session.config.model.context_length
        speed = self.throughput.read(tokens)
        figures: dict[str, float | int | None] = {
            "tokens": tokens,
            "seconds": self.session.seconds(),
            "train_loss": value,
            "train_perplexity": perplexity(value),
            "learning_rate": self.rate,
            "grad_norm": norm.item(),
            "tokens_per_second": speed.tokens_per_second,
            "mfu": speed.mfu,
            "memory_bytes": peak_memory_bytes(self.session.device),
        }
        if self.guard.skipped:
            figures["skipped_steps"] = self.guard.skipped
        self.reporter.metrics(step, figures)

    def _prepare(self, step: int) -> tuple[Tensor, Tensor]:
        """Return this process's rows of the batch of a step, on the CPU."""
        return self.batches.rows(step, self.session.world.rows(self.batches.batch_size))

    def _rehearse(self) -> None:
        """Compute what takes the most memory once, so that too little of it is found out now and not in an hour."""
        settings = self.session.config.training
        part = settings.batch_size // settings.gradient_accumulation // self.session.world.size
        inputs, targets = self._prepare(self.session.progress.step + 1)
        self.session.loss(inputs[:part].to(self.session.device), targets[:part].to(self.session.device)).backward()
        self.session.optimizer.zero_grad()

    def _evaluate_or_stop(self, step: int) -> None:
        try:
            self.valid_loss = self.evaluator.evaluate(step)
        except EvaluationStopped:
            self._save_and_stop(step)

    def _measure_again(self, step: int) -> float:
        """Return the validation loss of a run that has nothing left to do, as measured here and now."""
        try:
            return self.evaluator.measure(step).loss
        except EvaluationStopped:
            raise TrainingInterrupted(f"{self.interruption.requested}: step {step} was saved before") from None

    def _progress(self, step: int) -> Progress:
        """Return all that is saved besides the model and the optimizer; every process must take part."""
        self.reporter.sync()  # lest a checkpoint survive a power cut that takes the figures before it
        config = self.session.config
        best_loss, best_step = self.evaluator.best or (None, None)
        return Progress(
            step,
            run_id=self.session.progress.run_id,
            elapsed_seconds=self.session.seconds(),
            config_digest=digest(plain_values(dataclasses.asdict(config))),
            schedule={**plain_values(dataclasses.asdict(config.schedule)), "learning_rate": self.rate},
            valid_loss=self.valid_loss,
            best_loss=best_loss,
            best_step=best_step,
            rng=self.session.rng(),
            extras={**self.guard.state(), "batches": self.batches.settings()},
        )

    def _save_and_stop(self, step: int) -> None:
        """Save the step that is done, wait until it is on the disk, and leave.

        Raises:
            TrainingInterrupted: always.
        """
        self.saver.finish(self._progress(step))
        self.session.world.barrier()
        reason = self.interruption.requested or "another process"
        self.reporter.message(f"asked to stop ({reason}): step {step} is saved")
        raise TrainingInterrupted(f"{reason}: step {step} is saved")


def nothing_left(config: TrainConfig, progress: Progress) -> bool:
    """Say whether a run is at its end, by its steps or by its time."""
    limit = config.training.max_seconds
    return progress.step >= config.training.steps or (limit is not None and progress.elapsed_seconds >= limit)
