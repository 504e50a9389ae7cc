"""Too little memory is found before the first step, and answered with the number of sequences that does fit."""

from contextlib import nullcontext

import torch
from jaxtyping import Int
from torch import Tensor

from nn.accounting import optimizer_values
from trainer.runtime.memory import TooLittleMemoryError
from trainer.runtime.sharding import no_sync
from trainer.train_state import TrainState


def rehearse(state: TrainState, inputs: Int[Tensor, "b t"], targets: Int[Tensor, "b t"]) -> None:
    """Compute a gradient as a step does and discard it, so that too little memory is found now and not in an hour.

    The optimizer's state, which the first update allocates, is represented by a tensor of its size. A run with several
    microbatches computes two of them, since all but the first need memory for an earlier gradient, too. The update is
    not rehearsed: it would change the weights, and it needs little besides gradients and state.

    Where an accelerator's memory is not enough, smaller microbatches are tried at once, the largest first. They are not
    compiled, as compiling each size would take longer than everything else. A compiled gradient needs less memory (and
    with flex attention, which stores all scores unless it is compiled, far less), so that a larger size may fit, too.

    Args:
        state: of the run, before the first step of this process.
        inputs: this process's rows of a batch.
        targets: the id that follows each of them.

    Raises:
        TooLittleMemoryError: it does not fit; the message gives the `training.gradient_accumulation` that does.
    """
    if not _fits(state, inputs, targets, state.microbatch_size):
        raise TooLittleMemoryError(
            f"out of memory: the gradient of {state.microbatch_size} sequences at once does not fit on {state.device}: "
            f"{_what_fits(state, inputs, targets)}"
        )


def _what_fits(state: TrainState, inputs: Int[Tensor, "b t"], targets: Int[Tensor, "b t"]) -> str:
    """Return which option makes a step fit, by trying all divisors of the batch."""
    if state.world.size > 1:  # the others do not try with this process, but may be waiting for it
        return "raise training.gradient_accumulation"
    rows = len(inputs)
    with torch.compiler.set_stance("force_eager"):
        for size in range(state.microbatch_size - 1, 0, -1):
            if rows % size == 0 and _fits(state, inputs, targets, size):
                return f"give --training.gradient_accumulation {rows // size}, with which {size} at once fit when tried"
    return "not even one fits, so lower model.context_length, model.d_model or model.num_layers"


def _fits(state: TrainState, inputs: Int[Tensor, "b t"], targets: Int[Tensor, "b t"], size: int) -> bool:
    """Return whether the gradient of microbatches of this size can be computed; nothing of it is kept."""
    try:
        _compute_gradient(state, inputs, targets, size)
    except torch.OutOfMemoryError:
        fits = False
    else:
        fits = True
    state.optimizer.zero_grad()  # here the exception is gone, and with it all tensors of the failed computation
    if not fits and state.device.type != "cpu":
        torch.accelerator.empty_cache()
    return fits


def _compute_gradient(state: TrainState, inputs: Int[Tensor, "b t"], targets: Int[Tensor, "b t"], size: int) -> None:
    """Compute the gradient of the first microbatch, and of the second if there is one, as `train_step` does."""
    values = optimizer_values(state.config.model, state.config.optimizer.name) // state.world.size
    # A resumed run has the state itself. On a CPU this takes no memory, since nothing is written.
    optimizer_state = torch.empty(0 if state.optimizer.state else values, device=state.device)
    several = size < len(inputs)
    for number in range(1 + several):
        rows = slice(number * size, (number + 1) * size)
        with no_sync(state.loss) if several and number == 0 else nullcontext():
            state.loss(inputs[rows].to(state.device), targets[rows].to(state.device)).backward()
    del optimizer_state
