"""Training in bfloat16 against training in float32: the loss curves of one run, twice.

Both start with the same weights and read the same batches::

    config = TrainConfig(model=..., data=DataConfig("train.bin", "valid.bin"), training=TrainingConfig(steps=200))
    gap = largest_gap(loss_curve(config, "float32"), loss_curve(config, "bfloat16"))

On a CPU, with a small model, the gap is 0.0003 nats (`tests/benchmarks/test_precision.py`); on a GPU it has not been
measured. There the float32 products are in TF32, unless the configuration's `training.matmul_precision` is highest.
"""

from dataclasses import replace
from typing import Literal

import torch

from trainer import TrainConfig, build_train_state, choose_device, learning_rate, open_data, train_step
from trainer.runtime import World

WINDOW = 20
"""Steps whose mean loss is compared. Single steps differ more, in both directions."""


def loss_curve(config: TrainConfig, precision: Literal["float32", "bfloat16"]) -> list[float]:
    """Train as a run with this configuration does, without evaluations, and return the loss of each step in nats.

    Args:
        config: the run: its seed, token files, model, optimizer, schedule, steps and device.
        precision: takes the place of the configuration's `training.precision`.
    """
    config = replace(config, training=replace(config.training, precision=precision))
    settings = config.training
    state = build_train_state(config, World(), choose_device(config.run.device))
    batches = open_data(config.data, config.model).batches(
        seed=config.run.seed, batch_size=settings.batch_size, context_length=config.model.context_length
    )
    losses = []
    for step in range(1, settings.steps + 1):
        inputs, targets = batches.rows(step, World().rows(settings.batch_size))
        result = train_step(
            state.loss,
            state.optimizer,
            inputs.to(state.device),
            targets.to(state.device),
            learning_rate=learning_rate(config.schedule, step, settings.steps),
            gradient_accumulation=settings.gradient_accumulation,
            max_grad_norm=settings.max_grad_norm,
        )
        losses.append(result.loss)
    return [float(loss) for loss in torch.stack(losses).tolist()]


def largest_gap(one: list[float], other: list[float], window: int = WINDOW) -> float:
    """Return the largest difference between two curves, in nats, of their mean losses over `window` steps.

    Steps after the last whole window are not compared.

    Raises:
        ValueError: the curves differ in length, or are shorter than a window.

    >>> largest_gap([4.0, 3.0, 2.0, 2.0], [4.0, 3.5, 2.0, 2.1], window=2)
    0.25
    """
    if len(one) != len(other) or len(one) < window:
        raise ValueError(
            f"curves of {len(one)} and {len(other)} steps: give two of one length, at least {window} steps"
        )
    starts = range(0, len(one) - window + 1, window)
    return max(abs(sum(one[at : at + window]) - sum(other[at : at + window])) / window for at in starts)
