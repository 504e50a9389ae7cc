"""Evaluation: the mean loss on validation data, measured during a run and reported."""

import math
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice

import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn import Module

from nn import TransformerLM
from trainer.data.training_data import TrainingData
from trainer.data.validation_batches import count_targets, validation_batches
from trainer.data.windows import Batch
from trainer.divergence import DivergedError
from trainer.reporting.reporter import Metrics, Reporter
from trainer.runtime.compilation import LossFunction
from trainer.runtime.distributed import World
from trainer.runtime.interruption import Interruption
from trainer.runtime.sharding import reshard
from trainer.train_state import TrainState

SampleHook = Callable[[TransformerLM, int], str]
"""Returns a text that the model generates at a step. The trainer knows token ids only, so the caller provides it."""


@dataclass(frozen=True)
class Evaluation:
    """Sums over the targets of validation data; evaluations of parts of the data can be added."""

    nats: float
    """The summed loss of all targets."""
    tokens: int
    """The number of targets."""
    num_bytes: int | None = None
    """The bytes of text that the targets stand for, if known."""

    @property
    def loss(self) -> float:
        """Mean loss in nats per token; each target has the same weight."""
        return self.nats / self.tokens

    @property
    def perplexity(self) -> float:
        """`exp(loss)`."""
        return perplexity(self.loss)

    @property
    def bits_per_byte(self) -> float | None:
        """Loss in bits per byte of text, comparable between tokenizers (Gao et al. 2020, "The Pile", section 3.1).

        None if the number of bytes is unknown or 0.
        """
        return self.nats / (math.log(2) * self.num_bytes) if self.num_bytes else None

    def __add__(self, other: "Evaluation") -> "Evaluation":
        known = None if self.num_bytes is None or other.num_bytes is None else self.num_bytes + other.num_bytes
        return Evaluation(self.nats + other.nats, self.tokens + other.tokens, known)

    def metrics(self) -> dict[str, float | int | None]:
        """Return the figures under their names in metrics.jsonl."""
        figures: dict[str, float | int | None] = {"valid_loss": self.loss, "valid_perplexity": self.perplexity}
        return figures if self.num_bytes is None else figures | {"bits_per_byte": self.bits_per_byte}


_TURNS = 5
"""Batches of each process by which `Evaluator.measure_speed` measures."""


class EvaluationStopped(Exception):  # noqa: N818 not an error: it was requested
    """An evaluation was stopped before its end."""


@torch.no_grad()
def measure_loss(
    loss_function: LossFunction,
    batches: Iterable[Batch],
    *,
    byte_lengths: Int[Tensor, " v"] | None = None,
    world: World | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Evaluation:
    """Sum the loss of batches, which may differ in shape, without waiting for the device between them.

    Args:
        loss_function: from inputs and targets to their mean loss, such as the `loss` of a model in evaluation mode.
        batches: inputs and targets.
        byte_lengths: the number of bytes that each id stands for, on the device of the batches.
        world: processes that share the batches, if there are several: each computes some of them. All of them must
            call this, with the same batches.
        stop: called before each batch; returns whether to stop. If one process stops, all do.

    Raises:
        EvaluationStopped: `stop` returned True.
        ValueError: there are no batches.
    """
    losses, counts, byte_counts = [], [], []
    for inputs, targets in _own_batches(loss_function, batches, world or World(), stop):
        losses.append(loss_function(inputs, targets))
        counts.append(targets.numel())
        if byte_lengths is not None:
            byte_counts.append(byte_lengths[targets].sum())
    means = torch.stack(losses).tolist() if losses else []
    nats = math.fsum(mean * count for mean, count in zip(means, counts, strict=True))
    tokens = sum(counts)
    num_bytes = sum(torch.stack(byte_counts).tolist()) if byte_counts else 0
    if world is not None:
        nats, *totals = world.sum(nats, tokens, num_bytes)
        tokens, num_bytes = map(int, totals)
    if not tokens:
        raise ValueError("there is no batch to measure the loss on: give validation data")
    return Evaluation(nats, tokens, None if byte_lengths is None else num_bytes)


def _own_batches(
    loss_function: LossFunction, batches: Iterable[Batch], world: World, stop: Callable[[], bool]
) -> Iterator[Batch]:
    """Yield the batches that this process measures: every `world.size`-th of them."""
    remaining = iter(batches)
    while turn := list(islice(remaining, world.size)):
        if world.max(float(stop()))[0]:
            raise EvaluationStopped
        if world.rank < len(turn):
            yield turn[world.rank]
        else:  # every process must compute in each turn, since parameters may be sharded
            loss_function(*turn[0])


def evaluate(model: TransformerLM, batches: Iterable[Batch]) -> float:
    """Return the mean loss over all targets of the batches, in nats; each target has the same weight.

    Raises:
        ValueError: there are no batches.
    """
    with evaluation_mode(model):
        return measure_loss(model.loss, batches).loss


@contextmanager
def evaluation_mode(module: Module) -> Iterator[None]:
    """Put a module into evaluation mode while the block runs."""
    was_training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(was_training)
        reshard(module)


def perplexity(loss: float) -> float:
    """Return `exp(loss)`, infinite where that is too large for a float."""
    try:
        return math.exp(loss)
    except OverflowError:
        return math.inf


@dataclass
class Evaluator:
    """Evaluates a run and reports the result; every process must take part."""

    state: TrainState
    data: TrainingData
    reporter: Reporter
    interruption: Interruption
    sample: SampleHook | None
    best: tuple[float, int] | None = None
    """The lowest validation loss, and its step."""
    seconds_per_token: deque[float] = field(default_factory=lambda: deque(maxlen=_TURNS))
    """How long the latest evaluations took."""

    def evaluate(self, step: int, *, final: bool = False) -> float:
        """Measure the validation loss, report it, and return it.

        Args:
            step: the step that is done.
            final: whether it is the evaluation at the end of the run, which may use other batches.

        Raises:
            EvaluationStopped: the process was asked to stop.
            DivergedError: the loss is not finite.
        """
        evaluation = self.measure(step, final=final)
        loss, seconds = evaluation.loss, self.state.elapsed_seconds()
        comparable = self._num_windows(final=final) == self._num_windows(final=False)
        if self.best is None or (comparable and loss < self.best[0]):
            self.best = (loss, step)
        figures: Metrics = {"seconds": seconds, **evaluation.metrics()}
        in_bits = ""
        if (bytes_per_token := self.data.valid_file.bytes_per_token) is not None:
            figures["bits_per_byte"] = loss / math.log(2) / bytes_per_token
            in_bits = f", {figures['bits_per_byte']:.4f} bits per byte"
        self.reporter.metrics(step, figures)
        message = f"validation loss {loss:.4f}, perplexity {perplexity(loss):.2f}{in_bits}"
        self.reporter.message(f"step {step}: {message}, after {seconds:.0f} s")
        return loss

    def measure(self, step: int, *, final: bool = False) -> Evaluation:
        """Measure the validation loss; arguments and errors are those of `evaluate`."""
        state = self.state
        measured = self._timed(self._batches(final=final))
        if not math.isfinite(measured.nats):
            raise DivergedError(
                f"the validation loss is {measured.loss} at step {step}, so the run has diverged: "
                f"lower schedule.max_lr (it is {state.config.schedule.max_lr}) or training.max_grad_norm"
            )
        return measured

    def measure_speed(self) -> None:
        """Measure how long a few batches of the final evaluation take; their loss is not reported."""
        batches = self._batches(final=True)
        while len(self.seconds_per_token) < _TURNS and (turn := list(islice(batches, self.state.world.size))):
            self._timed(turn)
        # The first is slower, since it loads kernels, and any can be interrupted by other work of the machine.
        typical = statistics.median(self.seconds_per_token)
        self.seconds_per_token = deque([typical], maxlen=3)

    def final_seconds(self) -> float:
        """Return how long the final evaluation may take, by the latest evaluations.

        On a machine whose speed varies, it may be slower than the slowest of them by as much as that was slower than
        the fastest.

        Raises:
            ValueError: nothing has been measured yet.
        """
        context_length = self.state.config.model.context_length
        targets = count_targets(self.data.valid, context_length, self._num_windows(final=True))
        slowest, fastest = max(self.seconds_per_token), min(self.seconds_per_token)
        return targets * slowest * slowest / fastest

    def _num_windows(self, *, final: bool) -> int | None:
        settings = self.state.config.training
        batches = settings.eval_batches
        if final and settings.final_eval_batches != "same":
            batches = settings.final_eval_batches
        return None if batches is None else batches * settings.batch_size

    def _batches(self, *, final: bool) -> Iterator[Batch]:
        state, num_windows = self.state, self._num_windows(final=final)
        context_length = state.config.model.context_length
        return validation_batches(
            self.data.valid, state.microbatch_size, context_length, state.device, num_windows=num_windows
        )

    def _timed(self, batches: Iterable[Batch]) -> Evaluation:
        """Measure the loss of batches, and how long that takes."""
        started = time.perf_counter()
        with evaluation_mode(self.state.loss):
            measured = measure_loss(
                self.state.loss,
                batches,
                world=self.state.world,
                stop=lambda: self.interruption.requested is not None,
            )
        self.seconds_per_token.append((time.perf_counter() - started) / measured.tokens)
        return measured

    def show_sample(self, step: int) -> None:
        """Log a sample of the model; an error in it does not end the run."""
        if self.sample is None or self.state.world.size > 1:
            return
        try:
            text = self.sample(self.state.model, step)
        except Exception as error:
            text = f"step {step}: the sample failed ({type(error).__name__}: {error})"
        self.reporter.message(text)
