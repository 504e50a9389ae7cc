"""The loss on data that the model is not trained on."""

import math
from collections.abc import Callable, Iterable, Iterator

import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn import Module

from nn import TransformerLM
from trainer.distributed import World

Batch = tuple[Int[Tensor, "batch seq"], Int[Tensor, "batch seq"]]


class EvaluationStopped(Exception):  # noqa: N818 not an error: somebody asked for it
    """An evaluation was left before its end."""


@torch.no_grad()
def evaluate(model: TransformerLM, batches: Iterable[Batch]) -> float:
    """Return the mean loss over all targets of the batches, in nats; each target weighs the same."""
    was_training = model.training
    model.eval()
    total, count = 0.0, 0
    for inputs, targets in batches:
        total += model.loss(inputs, targets).item() * targets.numel()
        count += targets.numel()
    model.train(was_training)
    return total / count


@torch.no_grad()
def evaluate_together(
    loss: Module, batches: Iterable[Batch], world: World, device: torch.device, stop: Callable[[], bool]
) -> float:
    """Return the mean loss over all targets, the batches being shared by all processes.

    Args:
        loss: maps inputs and targets to the mean loss over them.
        batches: the same in each process, which computes its share.
        world: the processes.
        device: where sums are kept: nothing waits for it before the end.
        stop: asked before each batch in a run of one process.

    Raises:
        EvaluationStopped: `stop` said so.
    """
    loss.eval()
    try:
        sums = torch.zeros(2, dtype=torch.float64 if device.type != "mps" else torch.float32, device=device)
        for turn in _turns(batches, world.size):
            if world.size == 1 and stop():
                raise EvaluationStopped
            # Every process computes in each turn, as they may have to work together; one too many counts nothing.
            inputs, targets = turn[min(world.rank, len(turn) - 1)]
            weight = targets.numel() if world.rank < len(turn) else 0
            sums += torch.stack([loss(inputs, targets) * weight, torch.as_tensor(float(weight), device=device)])
        total, count = world.sum(sums).tolist()
    finally:
        loss.train()
    return total / count


def perplexity(loss: float) -> float:
    """Return `exp(loss)`, the loss in nats; infinite where that is beyond all floats."""
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
