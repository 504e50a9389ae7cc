"""The evaluations of a run: measured, told, and remembered as far as they are the best."""

import math
from dataclasses import dataclass

from trainer.data.training_data import TrainingData
from trainer.data.validation_batches import validation_batches
from trainer.evaluation import (
    Evaluation,
    SampleHook,
    measure_loss_together,
    perplexity,
)
from trainer.guards import DivergedError
from trainer.reporting.reporter import Metrics
from trainer.reporting.reporters import Reporters
from trainer.runtime.interruption import Interruption
from trainer.train_state import Session


@dataclass
class Evaluator:
    """Evaluates a session; every process must take part."""

    session: Session
    data: TrainingData
    reporter: Reporters
    interruption: Interruption
    sample: SampleHook | None
    best: tuple[float, int] | None = None
    """Lowest validation loss, and its step."""

    def evaluate(self, step: int) -> float:
        """Measure the validation loss, tell it, and return it.

        Raises:
            EvaluationStopped: the run was asked to stop.
            DivergedError: the loss is no number.
        """
        evaluation = self.measure(step)
        loss, seconds = evaluation.loss, self.session.seconds()
        if self.best is None or loss < self.best[0]:
            self.best = (loss, step)
        figures: Metrics = {"seconds": seconds, **evaluation.metrics()}
        in_bits = ""
        if (bytes_per_token := self.data.valid_file.bytes_per_token) is not None:
            figures["bits_per_byte"] = loss / math.log(2) / bytes_per_token
            in_bits = f", {figures['bits_per_byte']:.4f} bits per byte"
        self.reporter.metrics(step, figures)
        figures_told = f"validation loss {loss:.4f}, perplexity {perplexity(loss):.2f}{in_bits}"
        self.reporter.message(f"step {step}: {figures_told}, after {seconds:.0f} s")
        return loss

    def measure(self, step: int) -> Evaluation:
        """Measure the validation loss; raises what `evaluate` does."""
        session, settings = self.session, self.session.config.training
        context_length = session.config.model.context_length
        at_once = settings.batch_size // settings.gradient_accumulation // session.world.size
        num_windows = None if settings.eval_batches is None else settings.eval_batches * settings.batch_size
        batches = validation_batches(self.data.valid, at_once, context_length, session.device, num_windows=num_windows)
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

    def show_sample(self, step: int) -> None:
        """Tell what the callback makes of the model; no fault of it ends the run."""
        if self.sample is None or self.session.world.size > 1:
            return
        try:
            text = self.sample(self.session.model, step)
        except Exception as error:
            text = f"step {step}: the sample failed ({type(error).__name__}: {error})"
        self.reporter.message(text)
