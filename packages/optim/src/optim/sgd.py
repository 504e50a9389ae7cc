"""Stochastic gradient descent whose step size decays by itself."""

import math
from collections.abc import Callable
from typing import Any, overload

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from optim._checks import require_dense_real_gradients, require_non_negative
from optim._gated import GatedOptimizer, keep_where


class SGD(GatedOptimizer):
    """Stochastic gradient descent with the decaying step size lr/√(t + 1).

    For a parameter θ with gradient g, where t = 0, 1, 2, … counts the updates this parameter has had before::

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

    @overload
    def step(self, closure: None = None, *, only_if: Tensor | None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float], *, only_if: Tensor | None = None) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None, *, only_if: Tensor | None = None) -> float | None:
        """Update every parameter that has a gradient, in place.

        Args:
            closure: Optional; clears the gradients, computes the loss, calls ``backward`` and returns the loss.
            only_if: Optional; a 0-d boolean tensor on the parameters' device, read there and never fetched. Where it
                is false, parameters stay bit for bit as they were, whatever the gradients hold; only the counts of
                steps advance, see ``retract_step``. Where it is true, the result has the same bits as without it.

        Returns:
            What the closure returned, or None without one.

        Raises:
            ValueError: A gradient is sparse or complex, or ``only_if`` is no 0-d boolean tensor on the parameters'
                device; no parameter has been changed then.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():  # the closure calls backward(), inside a method that runs without gradients
                loss = closure()

        require_dense_real_gradients("SGD", self.param_groups)
        self._check_only_if(only_if)
        self._countable = None
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                t = state.get("step", 0)
                alpha = -group["lr"] / math.sqrt(t + 1)
                if only_if is None:
                    parameter.add_(parameter.grad, alpha=alpha)
                else:
                    keep_where(only_if, [parameter.add(parameter.grad, alpha=alpha)], [parameter])
                state["step"] = t + 1
        self._note_step(only_if)
        return loss


def _check_settings(settings: dict[str, Any]) -> None:
    """Raise ValueError if a setting of SGD is outside its range."""
    require_non_negative("lr", settings["lr"], "try 1e-2, and less if the loss diverges")
