"""The training loop: one update after another, and between them what is due."""

import dataclasses
import math
import time
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from trainer.checkpoints.format import Progress, digest
from trainer.checkpoints.retrying import Saver
from trainer.config import TrainConfig
from trainer.config_files import plain_values
from trainer.data.batches import TrainingBatches
from trainer.data.prefetch import prefetched
from trainer.divergence import DivergedError, SkippedSteps, write_replay_file
from trainer.evaluation import EvaluationStopped, Evaluator
from trainer.optimization import learning_rate, learning_rate_by_time, muon_momentum
from trainer.rehearsal import rehearse
from trainer.run_report import RunReport
from trainer.runtime.compilation import compilation_progress
from trainer.runtime.interruption import Interruption, TrainingInterrupted
from trainer.step import train_step
from trainer.time_limit import TimeLimit
from trainer.train_state import TrainState


@dataclass
class Loop:
    """Trains a run to its end, reports it and saves it."""

    state: TrainState
    batches: TrainingBatches
    skipped: SkippedSteps
    report: RunReport
    evaluator: Evaluator
    saver: Saver
    interruption: Interruption
    replay_file: Path
    """Written if the run diverges: where the batches of the skipped steps are."""
    rate: float | None = field(init=False)
    """Learning rate of the latest update."""
    valid_loss: float | None = field(init=False)
    """Validation loss at the present step; None if it was not measured."""
    limit: TimeLimit | None = field(init=False)
    """The time limit of the run, if it has one."""

    def __post_init__(self) -> None:
        progress = self.state.progress
        settings, world, microbatch = self.state.config.training, self.state.world, self.state.microbatch_size
        self._stage_ends = [stage.until_step for stage in settings.batch_stages]
        counts = [*(stage.gradient_accumulation for stage in settings.batch_stages), settings.gradient_accumulation]
        self._stage_rows = [world.rows(count * microbatch * world.size) for count in counts]
        self.rate = progress.schedule.get("learning_rate")
        self.valid_loss = progress.valid_loss
        self.limit = None
        if settings.max_seconds is not None:
            self.limit = TimeLimit(settings.max_seconds, self.state, self.evaluator, self.saver)
        if progress.best_loss is not None and progress.best_step is not None:
            self.evaluator.best = (progress.best_loss, progress.best_step)

    def run(self) -> tuple[float, int]:
        """Train until the run is finished; return its validation loss and its last step.

        Raises:
            DivergedError: losses or gradients are not finite.
            ValueError: the time limit is too short for the final evaluation.
            TrainingInterrupted: the process was asked to stop; everything is saved.
            TooLittleMemoryError: a gradient does not fit into the memory of the accelerator.
            OSError: a checkpoint or the metrics cannot be written.
        """
        state, settings = self.state, self.state.config.training
        state.started = time.perf_counter()  # setting up does not count as time
        done = state.progress.step
        finished = is_finished(state.config, state.progress)
        if not finished:
            with self._compiling("the gradient"):
                largest = max(self._stage_rows, key=lambda rows: rows.stop - rows.start)
                rehearse(state, *self.batches.rows(done + 1, largest))
            self._before_the_first_step(done)
        elif self.limit is not None:
            self.limit.ended_after = state.progress.extras.get("ended_after")
        if self.valid_loss is None and done and (finished or done % settings.eval_interval == 0):
            self._evaluate(done, last=finished)  # the process was asked to stop before it was evaluated
            self.saver.finish(self._progress(done))
        if finished:
            self.report.reporter.message(f"nothing left to do: step {done} of {settings.steps} is done")
            return self._measure_again(done), done
        last = self._train(range(done + 1, settings.steps + 1))
        assert self.valid_loss is not None
        return self.valid_loss, last

    def _train(self, steps: range) -> int:
        """Make the updates of the steps that are left, and what is due between them; return the last step."""
        state, config = self.state, self.state.config
        settings, schedule, optimizer = config.training, config.schedule, config.optimizer
        microbatch_size = state.microbatch_size
        self.report.start()
        stop_requested, save_failed, seconds = self._signals()
        step_seconds, (training_seconds, reserved) = 0.0, self._time_left()
        with prefetched(self._rows, steps, state.device) as batches:
            for step in steps:
                step_started = seconds
                if schedule.by == "time":  # the last step begins when one more would end too late
                    self.rate = learning_rate_by_time(schedule, seconds, max(seconds, training_seconds - step_seconds))
                else:
                    self.rate = learning_rate(schedule, step, settings.steps)
                inputs, targets = next(batches)
                accumulation = len(inputs) // microbatch_size
                self.rate *= (accumulation / settings.gradient_accumulation) ** settings.batch_lr_exponent
                with self._compiling("the first step") if step == steps[0] else nullcontext():
                    result = train_step(
                        state.loss,
                        state.optimizer,
                        inputs,
                        targets,
                        learning_rate=self.rate,
                        momentum=muon_momentum(optimizer, step) if optimizer.momentum_warmup_steps else None,
                        gradient_accumulation=accumulation,
                        max_grad_norm=settings.max_grad_norm,
                        world=state.world,
                    )
                if self.skipped.in_a_row or not result.updated:
                    self._count_skipped(step, updated=result.updated)
                self.valid_loss = None

                stop_requested, save_failed, seconds = self._signals()
                if step != steps[0]:  # which compiles
                    step_seconds = seconds - step_started
                out_of_time = seconds + step_seconds > training_seconds
                last = step == settings.steps or out_of_time
                if out_of_time and self.limit is not None:
                    self.limit.ended_after = seconds
                if last or step == 1 or step % settings.log_interval == 0:
                    self.report.step(step, result, self.rate, self.skipped.count)
                if stop_requested and not last:
                    self._save_and_stop(step)
                pause_fits = seconds + reserved <= training_seconds  # else the one at the end comes instead
                evaluation_due = last or (step % settings.eval_interval == 0 and pause_fits)
                checkpoint_due = (save_failed or step % settings.checkpoint_interval == 0) and pause_fits
                if self.skipped.in_a_row:
                    checkpoint_due = False  # these weights may be the reason why updates are skipped
                if evaluation_due or checkpoint_due or step == steps[0]:
                    with self.report.throughput.excluded():
                        self._evaluate_and_save(step, evaluate=evaluation_due, save=checkpoint_due, last=last)
                        if step == steps[0] and not last:
                            self.saver.reserve(self._progress(step))
                    stop_requested, save_failed, seconds = self._signals()
                    training_seconds, reserved = self._time_left()
                if last:
                    break
        return step

    def _before_the_first_step(self, done: int) -> None:
        """Evaluate weights that the run was given, and find out how much of the time limit must be reserved."""
        try:
            if self.state.source is not None:
                self.evaluator.evaluate(done)
            if self.limit is not None:
                self.report.reporter.message(self.limit.start())
        except EvaluationStopped:
            raise self._interrupted() from None

    def _time_left(self) -> tuple[float, float]:
        """Return when training must end, and the seconds that are reserved after it: the same in all processes."""
        if self.limit is None:
            return math.inf, 0.0
        self.limit.update()
        return self.limit.training_seconds, self.limit.reserved_seconds

    def _signals(self) -> tuple[bool, bool, float]:
        """Return whether to stop, whether to save again, and the elapsed time: the same in all processes."""
        stop_requested = self.interruption.requested is not None
        save_failed = self.saver.try_again or self.saver.writer.failed
        seconds = self.state.elapsed_seconds()
        if self.state.world.size > 1:
            stop, failed, seconds = self.state.world.max(float(stop_requested), float(save_failed), seconds)
            stop_requested, save_failed = stop > 0, failed > 0
        return stop_requested, save_failed, seconds

    def _rows(self, step: int) -> tuple[Tensor, Tensor]:
        """Return this process's rows of the batch of a step, on the CPU."""
        return self.batches.rows(step, self._stage_rows[bisect_left(self._stage_ends, step)])

    def _count_skipped(self, step: int, *, updated: bool) -> None:
        try:
            self.skipped.observe(step, updated=updated)
        except DivergedError as error:
            if self.state.world.is_main:
                write_replay_file(self.replay_file, self.batches, self.skipped.in_a_row)
            where = f"the places of their batches in the training tokens are in {self.replay_file}"
            raise DivergedError(f"{error}; {where}") from None
        if not updated:
            self.report.reporter.message(f"step {step} was skipped: loss or gradient is not finite (NaN or infinity)")

    def _evaluate_and_save(self, step: int, *, evaluate: bool, save: bool, last: bool) -> None:
        """Do what is due after a step. The sample comes last: it may fail, and nothing depends on it."""
        if evaluate:
            self._evaluate(step, last=last)
        if last:
            self.saver.finish(self._progress(step))
            if self.limit is not None and self.limit.ended_after is not None:
                self.report.reporter.message(self.limit.summary())
        elif save:
            self.saver.save(self._progress(step))
        if evaluate:
            self.evaluator.show_sample(step)

    def _evaluate(self, step: int, *, last: bool) -> None:
        try:
            self.valid_loss = self.evaluator.evaluate(step, final=last)
        except EvaluationStopped:
            self._save_and_stop(step)

    def _measure_again(self, step: int) -> float:
        """Return the validation loss of a finished run, measured now."""
        try:
            return self.evaluator.measure(step, final=True).loss
        except EvaluationStopped:
            raise TrainingInterrupted(f"{self.interruption.requested}: step {step} was saved before") from None

    @contextmanager
    def _compiling(self, what: str) -> Iterator[None]:
        """Report that something is compiled, if it is.

        An error is treated as an interruption if one was requested: Ctrl-C also ends the compilers that torch started.

        Raises:
            TrainingInterrupted: the process was asked to stop, and something in the block failed.
        """
        message = self.report.reporter.message
        try:
            with compilation_progress(what, message) if self.state.compiled else nullcontext():
                yield
        except RuntimeError as error:
            if self.interruption.requested is None:
                raise
            raise self._interrupted() from error

    def _interrupted(self) -> TrainingInterrupted:
        """Return the exception for a stop before the first step of this session."""
        saved = self.state.progress.step
        what = f"step {saved} was saved before" if saved else "no step was done yet"
        return TrainingInterrupted(f"{self.interruption.requested or 'another process'}: {what}")

    def _progress(self, step: int) -> Progress:
        """Return what is saved besides model and optimizer; every process must call it."""
        self.report.reporter.sync()  # so that a power cut does not lose the figures before a checkpoint
        config = self.state.config
        best_loss, best_step = self.evaluator.best or (None, None)
        return Progress(
            step,
            run_id=self.state.progress.run_id,
            elapsed_seconds=self.state.elapsed_seconds(),
            config_digest=digest(plain_values(dataclasses.asdict(config))),
            schedule={**plain_values(dataclasses.asdict(config.schedule)), "learning_rate": self.rate},
            valid_loss=self.valid_loss,
            best_loss=best_loss,
            best_step=best_step,
            rng=self.state.rng(),
            extras={**self.skipped.state(), "batches": self.batches.settings(), **self._time_limit()},
        )

    def _time_limit(self) -> dict[str, float]:
        """Return the time limit at which training has ended, for `is_finished`; empty if it has not."""
        limit = self.limit
        return (
            {}
            if limit is None or limit.ended_after is None
            else {"time_limit": limit.max_seconds, "ended_after": limit.ended_after}
        )

    def _save_and_stop(self, step: int) -> None:
        """Save the step that is done, wait until it is on disk, and stop.

        Raises:
            TrainingInterrupted: always.
        """
        self.saver.finish(self._progress(step))
        self.state.world.barrier()
        reason = self.interruption.requested or "another process"
        self.report.reporter.message(f"asked to stop ({reason}): step {step} is saved")
        raise TrainingInterrupted(f"{reason}: step {step} is saved")


def is_finished(config: TrainConfig, progress: Progress) -> bool:
    """Return whether a run has reached its number of steps, or its time limit."""
    limit = config.training.max_seconds
    if limit is None or progress.step >= config.training.steps:
        return progress.step >= config.training.steps
    reached = progress.extras.get("time_limit")
    return progress.elapsed_seconds >= limit or (isinstance(reached, int | float) and reached >= limit)
