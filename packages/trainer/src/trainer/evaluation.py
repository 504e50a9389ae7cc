"""The loss on validation data: every token once, in an order that never changes."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn import Module

from nn import TransformerLM
from trainer.data.windows import Batch
from trainer.runtime.compilation import LossFunction
from trainer.runtime.distributed import World
from trainer.runtime.sharding import reshard

SampleHook = Callable[[TransformerLM, int], str]
"""Makes a text of the model at a step, for people to see how it comes along; whoever knows the tokenizer gives it."""


@dataclass(frozen=True)
class Evaluation:
    """Sums over the targets of validation data, which can be added up over parts of it, such as those of processes."""

    nats: float
    """The loss of all targets together."""
    tokens: int
    """How many there are."""
    num_bytes: int | None = None
    """The bytes of text that they stand for; None: not known."""

    @property
    def loss(self) -> float:
        """Mean loss, in nats per token; each target weighs the same."""
        return self.nats / self.tokens

    @property
    def perplexity(self) -> float:
        """`exp(loss)`."""
        return perplexity(self.loss)

    @property
    def bits_per_byte(self) -> float | None:
        """Loss in bits per byte of text, which can be compared between tokenizers (Gao et al. 2020, "The Pile", §3.1).

        None where the bytes are not known, or there are none.
        """
        return self.nats / (math.log(2) * self.num_bytes) if self.num_bytes else None

    def __add__(self, other: "Evaluation") -> "Evaluation":
        known = None if self.num_bytes is None or other.num_bytes is None else self.num_bytes + other.num_bytes
        return Evaluation(self.nats + other.nats, self.tokens + other.tokens, known)

    def metrics(self) -> dict[str, float | int | None]:
        """Return the figures under the names that they have in metrics.jsonl."""
        figures: dict[str, float | int | None] = {"valid_loss": self.loss, "valid_perplexity": self.perplexity}
        return figures if self.num_bytes is None else figures | {"bits_per_byte": self.bits_per_byte}


class EvaluationStopped(Exception):  # noqa: N818 not an error: somebody asked for it
    """An evaluation was left before its end."""


@torch.no_grad()
def measure_loss(
    loss_function: LossFunction,
    batches: Iterable[Batch],
    *,
    byte_lengths: Int[Tensor, " vocab"] | None = None,
    may_be_empty: bool = False,
) -> Evaluation:
    """Add up the loss of batches, which may differ in shape, without waiting for the device between them.

    Args:
        loss_function: the mean loss of a batch, such as a model's in evaluation mode.
        batches: inputs and targets.
        byte_lengths: how many bytes each id stands for, on the device of the batches.
        may_be_empty: no batch is no error.

    Raises:
        ValueError: there is no batch.
    """
    losses, counts, byte_counts = [], [], []
    for inputs, targets in batches:
        losses.append(loss_function(inputs, targets))
        counts.append(targets.numel())
        if byte_lengths is not None:
            byte_counts.append(byte_lengths[targets].sum())
    if not losses and may_be_empty:
        return Evaluation(0.0, 0, None if byte_lengths is None else 0)
    if not losses:
        raise ValueError("there is no batch to measure the loss on: give validation data")
    means = torch.stack(losses).tolist()
    nats = math.fsum(mean * count for mean, count in zip(means, counts, strict=True))
    num_bytes = None if byte_lengths is None else sum(torch.stack(byte_counts).tolist())
    return Evaluation(nats, sum(counts), num_bytes)


def evaluate(model: TransformerLM, batches: Iterable[Batch]) -> float:
    """Return the mean loss over all targets of the batches, in nats; each target weighs the same."""
    was_training = model.training
    model.eval()
    try:
        return measure_loss(model.loss, batches).loss
    finally:
        model.train(was_training)


@torch.no_grad()
def measure_loss_together(
    loss: Module,
    batches: Iterable[Batch],
    world: World,
    *,
    byte_lengths: Int[Tensor, " vocab"] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Evaluation:
    """Measure as `measure_loss` does, the batches being shared by all processes.

    Args:
        loss: maps inputs and targets to their mean loss.
        batches: all of them, the same in each process, which computes its share.
        world: the processes.
        byte_lengths: see `measure_loss`.
        stop: asked before each batch; one process that wants to stop is enough.

    Raises:
        EvaluationStopped: `stop` said so.
        ValueError: there is no batch.
    """

    def mine() -> Iterator[Batch]:
        for turn in _turns(batches, world.size):
            if world.max(float(stop()))[0]:
                raise EvaluationStopped
            if world.rank < len(turn):
                yield turn[world.rank]
            else:  # every process must take part in each turn, as their parameters may be shared out
                loss(*turn[0])

    loss.eval()
    try:
        share = measure_loss(loss, mine(), byte_lengths=byte_lengths, may_be_empty=world.size > 1)
    finally:
        loss.train()
        reshard(loss)
    nats, tokens, num_bytes = world.sum(share.nats, share.tokens, share.num_bytes or 0)
    return Evaluation(nats, int(tokens), None if byte_lengths is None else int(num_bytes))


def perplexity(loss: float) -> float:
    """Return `exp(loss)`, infinite where that is too large for a float."""
    try:
        return math.exp(loss)
    except OverflowError:
        return math.inf


def _turns(batches: Iterable[Batch], size: int) -> Iterator[list[Batch]]:
    turn: list[Batch] = []
    for batch in batches:
        turn.append(batch)
        if len(turn) == size:
            yield turn
            turn = []
    if turn:
        yield turn
