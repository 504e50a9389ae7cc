"""Optimizers, learning-rate schedules and gradient clipping, written from scratch on top of torch.

One training step uses all three, in this order::

    loss.backward()
    norm = clip_grad_norm(model.parameters(), max_norm=1.0)
    for group in optimizer.param_groups:
        group["lr"] = cosine_schedule(it, max_lr=1e-3, min_lr=1e-4, warmup_iters=100, cosine_cycle_iters=10_000)
    optimizer.step()

Nothing in here knows what a model is: optimizers and clipping see tensors with gradients, schedules see integers.
"""

from optim.adamw import AdamW
from optim.clipping import clip_grad_norm
from optim.groups import ParameterGroup, describe_groups, parameter_groups
from optim.muon import Muon
from optim.newton_schulz import newton_schulz
from optim.schedules import (
    Segment,
    Shape,
    constant_schedule,
    cosine_schedule,
    linear_schedule,
    piecewise_schedule,
    wsd_schedule,
)
from optim.sgd import SGD

__all__ = [
    "SGD",
    "AdamW",
    "Muon",
    "ParameterGroup",
    "Segment",
    "Shape",
    "clip_grad_norm",
    "constant_schedule",
    "cosine_schedule",
    "describe_groups",
    "linear_schedule",
    "newton_schulz",
    "parameter_groups",
    "piecewise_schedule",
    "wsd_schedule",
]
