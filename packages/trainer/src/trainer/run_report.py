"""What a run reports while it trains: what is trained, and the figures of its steps."""

import math
from collections.abc import Sequence

from nn.accounting import training_flops
from optim import describe_groups
from trainer.data.training_data import TrainingData
from trainer.divergence import SpikeDetector
from trainer.evaluation import perplexity
from trainer.optimization import group_parameters
from trainer.reporting.metrics_file import Entry
from trainer.reporting.reporter import Metrics, Reporter
from trainer.reporting.throughput import Throughput
from trainer.runtime.device import device_name
from trainer.runtime.memory import peak_memory_bytes
from trainer.runtime.peak_flops import datasheet_peak_flops
from trainer.step import StepResult
from trainer.train_state import TrainState


class RunReport:
    """Reports the steps of a run."""

    def __init__(self, state: TrainState, reporter: Reporter, logged: Sequence[Entry]) -> None:
        """Prepare the figures.

        Args:
            state: what is trained.
            reporter: where figures and messages go.
            logged: the entries of metrics.jsonl up to the present step, whose losses the spike detector compares with.
        """
        self.reporter = reporter
        self.throughput = make_throughput(state)
        self._state = state
        self._spikes: SpikeDetector | None = None
        threshold = state.config.training.spike_threshold
        if threshold is not None:
            self._spikes = SpikeDetector(threshold)
            for entry in logged:
                if entry.get("train_loss") is not None:
                    self._spikes.observe(entry["train_loss"])

    def introduce(self, data: TrainingData, notes: Sequence[str]) -> None:
        """Log what is trained on which data, and at the start of a run how parameters are updated."""
        state, config, model = self._state, self._state.config, self._state.model
        processes = f", {state.world.size} processes ({config.training.parallel})" if state.world.size > 1 else ""
        self.reporter.message(
            f"{model.num_parameters():,} parameters ({model.num_parameters(embedding=False):,} without the embedding) "
            f"on {device_name(state.device)}{processes}; {data.num_train_tokens:,} training tokens, "
            f"{len(data.valid):,} validation tokens"
        )
        if config.optimizer.name != "sgd" and state.progress.step == 0:
            self.reporter.message(describe_groups(group_parameters(config.optimizer, model)))
        for note in (*state.notes, *notes):
            self.reporter.message(note)

    def start(self) -> None:
        """Start to measure the speed from here on."""
        self.throughput = make_throughput(self._state)

    def step(self, step: int, result: StepResult, learning_rate: float, num_skipped: int) -> None:
        """Report the figures of a step, unless its loss is not finite."""
        loss = result.loss.item()
        if not math.isfinite(loss):
            return
        if self._spikes is not None and self._spikes.observe(loss):
            self.reporter.message(f"step {step}: the loss jumped to {loss:.3f}")
        tokens = self._state.num_tokens(step)
        speed = self.throughput.read(tokens)
        figures: Metrics = {
            "tokens": tokens,
            "seconds": self._state.elapsed_seconds(),
            "train_loss": loss,
            "train_perplexity": perplexity(loss),
            "learning_rate": learning_rate,
            "grad_norm": result.grad_norm.item(),
            "tokens_per_second": speed.tokens_per_second,
            "mfu": speed.mfu,
            "memory_bytes": peak_memory_bytes(self._state.device),
        }
        if num_skipped:
            figures["skipped_steps"] = num_skipped
        self.reporter.metrics(step, figures)


def make_throughput(state: TrainState) -> Throughput:
    """Return what measures tokens per second, and the share of the device's peak FLOPs per second."""
    config = state.config
    peak = config.reporting.peak_flops or datasheet_peak_flops(device_name(state.device), state.matmul_format)
    return Throughput(
        state.device,
        flops_per_token=training_flops(config.model).total / config.model.context_length,
        peak_flops=peak,
        num_devices=state.world.size,
        tokens=state.num_tokens(state.progress.step),
    )
