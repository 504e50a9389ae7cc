"""An update of the parameters of a model."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from benchmarks.model.implementations.optimizers import OPTIMIZERS
from benchmarks.model.memory import Memory
from benchmarks.model.setup import Setup
from benchmarks.model.shapes import find_shape
from benchmarks.model.tasks.case import Case, timed
from benchmarks.model.weights import draw_weights

_UPDATES = 3
"""Updates after which the parameters are compared."""


def optimizer(request: Mapping[str, Any], memory: Memory) -> Case:
    """Prepare an update: of all parameters, or of the matrices of the blocks for Muon."""
    setup = Setup(request["device"], request["mode"])
    shape = find_shape(request["shape"], quick=request["quick"])
    make = OPTIMIZERS[request["rule"]][request["library"]]
    memory.begin()
    parameters = [
        weight.to(setup.device).requires_grad_()
        for name, weight in draw_weights(shape, rotary_halves=False)
        if request["rule"] == "adamw" or (weight.ndim == 2 and name.startswith("blocks."))
    ]
    for index, parameter in enumerate(parameters):
        noise = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(index))
        parameter.grad = (1e-2 * noise).to(setup.device)
    before = _samples(parameters)
    update = make(parameters)
    for _ in range(_UPDATES):
        update.step()
    changes = [new - old for old, new in zip(before, _samples(parameters), strict=True)]
    return {"changes": changes}, timed(update.step, setup, request["steps"])


def _samples(parameters: Sequence[Tensor]) -> list[float]:
    """Return the first values of each parameter."""
    return [value for parameter in parameters for value in parameter.detach().flatten()[:8].tolist()]
