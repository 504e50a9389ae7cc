"""The loss on validation data."""

import math
from collections.abc import Iterable

import torch
from jaxtyping import Int
from torch import Tensor

from nn import TransformerLM


@torch.no_grad()
def evaluate(
    model: TransformerLM, batches: Iterable[tuple[Int[Tensor, "batch seq"], Int[Tensor, "batch seq"]]]
) -> float:
    """Return the mean loss over all targets of the batches, in nats; each target weighs the same."""
    was_training = model.training
    model.eval()
    total, count = 0.0, 0
    for inputs, targets in batches:
        total += model.loss(inputs, targets).item() * targets.numel()
        count += targets.numel()
    model.train(was_training)
    return total / count


def perplexity(loss: float) -> float:
    """Return `exp(loss)`, infinite where that is too large for a float."""
    try:
        return math.exp(loss)
    except OverflowError:
        return math.inf
