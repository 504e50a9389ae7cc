"""The training step of the peers: torch's fused AdamW and torch's gradient clipping."""

from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.model.setup import BETAS, EPS, LEARNING_RATE, MAX_GRAD_NORM, WEIGHT_DECAY, Setup

Step = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""From inputs and targets to the loss and the gradient norm before clipping, both still on the device."""


def torch_step(model: torch.nn.Module, loss_of: Callable[[Tensor, Tensor], Tensor], setup: Setup) -> Step:
    """Return a function that trains a model for one step.

    Args:
        model: its parameters are updated.
        loss_of: computes its mean loss, compiled or not.
        setup: device and precision.
    """
    optimizer = torch.optim.AdamW(model.parameters(), LEARNING_RATE, BETAS, EPS, weight_decay=WEIGHT_DECAY, fused=True)

    def step(inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        with setup.autocast():
            loss = loss_of(inputs, targets)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_GRAD_NORM)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.detach(), norm

    return step
