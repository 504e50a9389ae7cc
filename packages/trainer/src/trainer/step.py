"""One training step: the gradient of a batch, clipped and checked, then one update of the weights.

The training loop, `--dry-run`, the benchmarks and scripts of your own all call this function::

    optimizer = AdamW(model.parameters())
    for step in range(1, steps + 1):
        inputs, targets = get_batch(tokens, batch_size, context_length)
        result = train_step(model.loss, optimizer, inputs, targets, learning_rate=1e-3)
"""

import math
from contextlib import nullcontext
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.optim import Optimizer

from nn import TransformerLM
from optim import clip_grad_norm
from trainer.runtime.compilation import LossFunction
from trainer.runtime.distributed import World
from trainer.runtime.sharding import no_sync


class StepResult(NamedTuple):
    """What a training step has computed."""

    loss: Float[Tensor, ""]
    """Mean loss of the batch, before the update."""
    grad_norm: Float[Tensor, ""]
    """Norm of the gradient, before clipping."""
    updated: bool
    """Whether the weights were updated: False if loss or norm is not finite."""


def train_step(
    loss_function: LossFunction,
    optimizer: Optimizer,
    inputs: Int[Tensor, "b t"],
    targets: Int[Tensor, "b t"],
    *,
    learning_rate: float,
    momentum: float | None = None,
    gradient_accumulation: int = 1,
    max_grad_norm: float | None = 1.0,
    world: World | None = None,
) -> StepResult:
    """Update the weights once, unless the loss or the norm of the gradient is NaN or infinite.

    Args:
        loss_function: from inputs and targets to their mean loss, such as `model.loss`.
        optimizer: over the parameters that the loss depends on.
        inputs: token ids, one sequence a row.
        targets: the id that follows each of them.
        learning_rate: of this update. A parameter group with an `lr_factor` takes that multiple of it.
        momentum: of Muon in this update; that of its groups if not given.
        gradient_accumulation: microbatches of equal size that the batch is computed in, one after the other, to save
            memory. The gradient is that of the whole batch.
        max_grad_norm: the gradient is scaled down to this norm if its own is larger; None: never.
        world: the processes that share the batch, if there are several; `loss_function` then averages gradients.

    Raises:
        ValueError: the batch cannot be divided into microbatches of equal size, or `loss_function` is a model.
    """
    if isinstance(loss_function, TransformerLM):
        raise ValueError("loss_function is a model, which returns logits: give its loss, model.loss")
    if len(inputs) % gradient_accumulation:
        raise ValueError(
            f"a batch of {len(inputs)} rows cannot be divided into {gradient_accumulation} microbatches of equal size: "
            "make gradient_accumulation a divisor of the batch size"
        )
    # 1. The gradient of the mean loss, summed over microbatches.
    optimizer.zero_grad()
    loss = torch.zeros((), device=inputs.device)
    microbatches = zip(inputs.chunk(gradient_accumulation), targets.chunk(gradient_accumulation), strict=True)
    for number, (microbatch_inputs, microbatch_targets) in enumerate(microbatches, start=1):
        # Processes exchange gradients once a step, in the last microbatch.
        with nullcontext() if number == gradient_accumulation else no_sync(loss_function):
            microbatch_loss = loss_function(microbatch_inputs, microbatch_targets) / gradient_accumulation
            microbatch_loss.backward()  # type: ignore[no-untyped-call]
        loss += microbatch_loss.detach()
    if world is not None and world.size > 1:
        loss = world.mean(loss)

    # 2. Clipping.
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    grad_norm = clip_grad_norm(parameters, math.inf if max_grad_norm is None else max_grad_norm)

    # 3. The update. On an accelerator this check waits for the gradient; the next batch is being prepared meanwhile.
    updated = bool(torch.isfinite(loss + grad_norm))
    for group in optimizer.param_groups:
        group["lr"] = learning_rate * group.get("lr_factor", 1.0)
        if momentum is not None:
            group["momentum"] = momentum
    if updated:
        optimizer.step()
    return StepResult(loss, grad_norm, updated)
