"""The training loop: one update after another, and between them what is due."""

import json
import math
import time
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from nn.accounting import training_flops
from optim import describe_groups
from trainer.background_writing import CheckpointWriter
from trainer.batches import TrainingBatches
from trainer.checkpoint_format import Progress
from trainer.data import TrainingData, evaluation_batches
from trainer.devices import device_name
from trainer.evaluation import (
    Evaluation,
    EvaluationStopped,
    SampleHook,
    measure_loss_together,
    perplexity,
    validation_batches,
)
from trainer.guards import DivergedError, NonFiniteGuard, SpikeDetector
from trainer.interruption import Interruption, TrainingInterrupted
from trainer.memory import peak_memory_bytes
from trainer.peak_flops import datasheet_peak_flops
from trainer.prefetch import Prefetcher
from trainer.reporter import Metrics
from trainer.reporting import Reporters
from trainer.run_directory import RunDirectory
from trainer.session import Session
from trainer.step import apply_update, compute_gradients, group_parameters, learning_rate, learning_rate_by_time
from trainer.throughput import Throughput


@dataclass
class Loop:
    """Trains a session to its end, reports of it, and saves it."""

    session: Session
    run: RunDirectory
    data: TrainingData
    reporter: Reporters
    writer: CheckpointWriter
    interruption: Interruption
    sample: SampleHook | None
    batches: TrainingBatches = field(init=False)
    guard: NonFiniteGuard = field(init=False)
    throughput: Throughput = field(init=False)
    spikes: SpikeDetector | None = field(init=False)
    evaluation: Evaluation | None = None
    """That of this very step, if it was evaluated."""
    best: tuple[float, int] | None = None
    """Lowest validation loss, and its step."""

    def __post_init__(self) -> None:
        settings, progress = self.session.config.training, self.session.progress
        self.guard = NonFiniteGuard(settings.max_skipped_in_a_row, int(progress.extras.get("skipped_steps", 0)))
        self.spikes = None if settings.spike_threshold is None else SpikeDetector(settings.spike_threshold)
        self.throughput = self._clock()
        self.batches = self.data.batches(
            seed=self.session.config.run.seed,
            batch_size=settings.batch_size,
            context_length=self.session.config.model.context_length,
        )
        if progress.best_loss is not None and progress.best_step is not None:
            self.best = (progress.best_loss, progress.best_step)

    def _clock(self) -> Throughput:
        """Return what measures tokens a second, and the share of the device's peak."""
        session, config = self.session, self.session.config
        stated = config.reporting.peak_flops or datasheet_peak_flops(device_name(session.device), session.precision)
        return Throughput(
            session.device,
            flops_per_token=training_flops(config.model).total / config.model.context_length,
            peak_flops=stated,
            num_devices=session.world.size,
        )

    def introduce(self) -> None:
        """Say what is trained on what."""
        session, config = self.session, self.session.config
        model = session.model
        processes = f", {session.world.size} processes ({config.training.parallel})" if session.world.size > 1 else ""
        self.reporter.message(
            f"{model.num_parameters():,} parameters ({model.num_parameters(embedding=False):,} without the embedding) "
            f"on {device_name(session.device)}{processes}; {self.data.num_train_tokens:,} tokens to train on, "
            f"{len(self.data.valid):,} to evaluate on"
        )
        if config.optimizer.name != "sgd":
            self.reporter.message(describe_groups(group_parameters(config.optimizer, model)))
        for note in session.notes:
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
        interrupted, seconds = self._agree()
        if first >= settings.steps or self._out_of_time(seconds):
            self.reporter.message(f"nothing left to do: step {first} of {settings.steps} is done")
            try:
                return self._measure(first).loss, first
            except EvaluationStopped:
                raise TrainingInterrupted(f"{self.interruption.requested}: step {first} was saved before") from None
        session.started = time.perf_counter()
        self._rehearse()
        if first and first % settings.eval_interval == 0 and session.progress.valid_loss is None:
            self._evaluate_or_stop(first)  # the run was asked to stop before it had
        self.throughput = self._clock()
        _, seconds = self._agree()
        steps = range(first + 1, settings.steps + 1)
        with Prefetcher(self._prepare, steps, session.device) as prefetcher:
            for step in steps:
                rate = self._rate(step, seconds)
                loss, norm = self._update(step, next(prefetcher), rate)
                self.throughput.count(settings.batch_size * session.config.model.context_length)
                interrupted, seconds = self._agree()
                last = step == settings.steps or self._out_of_time(seconds)
                if step % settings.log_interval == 0 or step == 1 or last:
                    self._report(step, loss, norm, rate)
                self.evaluation = None
                if interrupted and not last:
                    self._save_and_stop(step)
                evaluate_now = step % settings.eval_interval == 0 or last
                # Between steps that are left out only the end is saved: these weights may be the reason.
                save_now = (step % settings.checkpoint_interval == 0 and not self.guard.in_a_row) or last
                if evaluate_now or save_now:
                    with self.throughput.excluded():
                        if evaluate_now:
                            self._evaluate_or_stop(step)
                        if save_now:
                            self._save(step)
                if last:
                    break
        self.writer.wait()
        assert self.evaluation is not None
        return self.evaluation.loss, step

    def _agree(self) -> tuple[bool, float]:
        """Return whether any process was asked to stop, and the time, the same in all."""
        requested, seconds = self.session.world.agree(
            float(self.interruption.requested is not None), self.session.seconds()
        )
        return requested > 0, seconds

    def _out_of_time(self, seconds: float) -> bool:
        limit = self.session.config.training.max_seconds
        return limit is not None and seconds >= limit

    def _rate(self, step: int, seconds: float) -> float:
        schedule, settings = self.session.config.schedule, self.session.config.training
        if schedule.by == "time" and settings.max_seconds is not None:
            return learning_rate_by_time(schedule, seconds, settings.max_seconds)
        return learning_rate(schedule, step, settings.steps)

    def _update(self, step: int, batch: tuple[Tensor, ...], rate: float) -> tuple[Tensor, Tensor]:
        """Compute the gradient of the step's batch and, if it is finite, update by it."""
        inputs, targets = batch
        session, settings = self.session, self.session.config.training
        loss, norm = compute_gradients(
            session.loss,
            session.parameters,
            inputs,
            targets,
            gradient_accumulation=settings.gradient_accumulation,
            max_grad_norm=settings.max_grad_norm,
            part_context=session.part_context,
        )
        loss = session.world.mean(loss)
        # One look at one number before each update: an accelerator is waited for here, once its gradients are done.
        finite = bool(torch.isfinite(loss + norm))
        if finite:
            apply_update(session.optimizer, rate)
        try:
            self.guard.saw(step, finite=finite)
        except DivergedError as error:
            raise DivergedError(f"{error}; {self._keep_for_replay()}") from None
        if not finite:
            self.reporter.message(f"step {step} was left out: loss or gradient is not a finite number")
        return loss, norm

    def _keep_for_replay(self) -> str:
        """Write down the batches of the steps that were left out last, so that they can be looked at."""
        rows = np.arange(self.batches.batch_size)
        steps = {}
        for step in self.guard.in_a_row:
            files, starts = self.batches.places(step, rows)
            steps[str(step)] = [[int(file), int(start)] for file, start in zip(files, starts, strict=True)]
        path = self.run.path / "diverged.json"
        if self.session.world.is_main:
            files_named = [str(file.path) for file in self.data.train_files]
            content = {"context_length": self.batches.context_length, "files": files_named, "file_and_start": steps}
            path.write_text(json.dumps(content) + "\n", "utf-8")
        return f"the places of their batches in the training tokens are in {path}"

    def _report(self, step: int, loss: Tensor, norm: Tensor, rate: float) -> None:
        """Tell the figures of a step; nothing of one that was left out."""
        value = loss.item()
        if not math.isfinite(value):
            return
        if self.spikes is not None and self.spikes.saw(value):
            self.reporter.message(f"step {step}: the loss has jumped to {value:.3f}")
        settings = self.session.config.training
        speed = self.throughput.read()
        figures: dict[str, float | int | None] = {
            "tokens": step * settings.batch_size * self.session.config.model.context_length,
            "seconds": self.session.seconds(),
            "train_loss": value,
            "train_perplexity": perplexity(value),
            "learning_rate": rate,
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
            self._evaluate(step)
        except EvaluationStopped:
            self._save_and_stop(step)

    def _evaluate(self, step: int) -> None:
        """Measure the validation loss and tell it."""
        self.evaluation = self._measure(step)
        loss, seconds = self.evaluation.loss, self.session.seconds()
        if self.best is None or loss < self.best[0]:
            self.best = (loss, step)
        figures: Metrics = {"seconds": seconds, **self.evaluation.metrics()}
        if (bytes_per_token := self.data.valid_file.bytes_per_token) is not None:
            figures["bits_per_byte"] = loss / math.log(2) / bytes_per_token
        self.reporter.metrics(step, figures)
        self.reporter.message(
            f"step {step}: validation loss {loss:.4f}, perplexity {perplexity(loss):.2f}, after {seconds:.0f} s"
        )
        if self.sample is not None and self.session.world.size == 1:
            self.reporter.message(self.sample(self.session.model, step))

    def _measure(self, step: int) -> Evaluation:
        session, settings = self.session, self.session.config.training
        context_length = session.config.model.context_length
        at_once = settings.batch_size // settings.gradient_accumulation // session.world.size
        if settings.eval_batches is None:
            batches = validation_batches(self.data.valid, at_once, context_length, session.device)
        else:
            num_windows = settings.eval_batches * settings.batch_size
            batches = evaluation_batches(self.data.valid, at_once, context_length, num_windows, session.device)
        measured = measure_loss_together(
            session.loss,
            batches,
            session.world,
            stop=lambda: self.interruption.requested is not None,
        )
        if not math.isfinite(measured.nats):
            raise DivergedError(
                f"the validation loss is {measured.loss} at step {step}, so the run has diverged: "
                f"lower schedule.max_lr (it is {session.config.schedule.max_lr}) or training.max_grad_norm"
            )
        return measured

    def _save(self, step: int) -> None:
        best_loss, best_step = self.best or (None, None)
        progress = Progress(
            step,
            run_id=self.session.progress.run_id,
            elapsed_seconds=self.session.seconds(),
            valid_loss=self.evaluation.loss if self.evaluation else None,
            best_loss=best_loss,
            best_step=best_step,
            rng=self.session.rng(),
            extras={"skipped_steps": self.guard.skipped},
        )
        self.session.save(self.writer, progress)

    def _save_and_stop(self, step: int) -> None:
        """Save the step that is done, wait until it is on the disk, and leave.

        Raises:
            TrainingInterrupted: always.
        """
        self._save(step)
        self.writer.wait()
        self.session.world.wait()
        reason = self.interruption.requested or "another process"
        self.reporter.message(f"asked to stop ({reason}): step {step} is saved")
        raise TrainingInterrupted(f"{reason}: step {step} is saved")
