"""Stochastic gradient descent with a decaying step size."""

import math
from typing import Any

from torch.optim.optimizer import ParamsT

from optim._checks import require_non_negative
from optim.optimizer import BaseOptimizer


class SGD(BaseOptimizer):
    """Stochastic gradient descent with the decaying step size lr/√(t + 1).

    For a parameter θ with gradient g, where t = 0, 1, 2, … is the number of earlier updates of this parameter::

        θ ← θ − lr/√(t + 1) · g

    Steps that shrink like 1/√t are the classical choice for which the average regret vanishes on convex problems:
    Zinkevich 2003, "Online Convex Programming and Generalized Infinitesimal Gradient Ascent", theorem 1.

    A parameter whose ``grad`` is None is skipped, and its t does not advance. The state of each updated parameter
    is ``step``: the number of updates so far, a Python int, which is exact and passes unchanged through
    ``state_dict``, ``load_state_dict`` and JSON.

    Args:
        params: Tensors to optimize, or dicts ``{"params": tensors, "lr": …}``: parameter groups with their own lr.
        lr: Learning rate of the first step, at least 0.

    Raises:
        ValueError: ``lr``, of the optimizer or of one group, is negative or not finite; or there are no parameters.
    """

    def __init__(self, params: ParamsT, lr: float) -> None:
        _check_settings({"lr": lr})
        super().__init__(params, {"lr": lr})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add one more group of parameters.

        Args:
            param_group: ``{"params": tensors}``, and ``"lr"`` if it differs from the optimizer's.

        Raises:
            ValueError: ``lr`` is negative or not finite, or a parameter is already in another group.
        """
        _check_settings({**self.defaults, **param_group})
        super().add_param_group(param_group)

    def update_group(self, group: dict[str, Any]) -> None:
        """Apply the equation of the class to each parameter of a group that has a gradient."""
        for parameter in group["params"]:
            if parameter.grad is None:
                continue
            state = self.state[parameter]
            t = state.get("step", 0)
            parameter.add_(parameter.grad, alpha=-group["lr"] / math.sqrt(t + 1))
            state["step"] = t + 1


def _check_settings(settings: dict[str, Any]) -> None:
    """Raise ValueError if a setting of SGD is outside its range."""
    require_non_negative("lr", settings["lr"], "try 1e-2, and less if the loss diverges")
