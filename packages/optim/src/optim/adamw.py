"""AdamW: adaptive moment estimation (Adam) with decoupled weight decay."""

import math
from collections.abc import Callable
from typing import Any, overload

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.optimizer import ParamsT

from optim._checks import require_dense_real_gradients, require_non_negative


class AdamW(Optimizer):
    """Adam with decoupled weight decay.

    For a parameter θ with gradient g, at its t-th update (t = 1, 2, …), element by element::

        m ← β1·m + (1 − β1)·g                          first moment: running mean of the gradient
        v ← β2·v + (1 − β2)·g²                         second moment: running mean of its square
        θ ← θ − lr·√(1 − β2ᵗ)/(1 − β1ᵗ) · m/(√v + eps)
        θ ← θ − lr·λ·θ                                 weight decay, on the θ just updated

    Both moments start at zero and are therefore too small at first; the factor √(1 − β2ᵗ)/(1 − β1ᵗ) corrects
    this bias. It is folded into the step size, the efficient form in Kingma & Ba (end of section 2), so ``eps``
    is added to the *uncorrected* √v. ``torch.optim.AdamW`` adds it to the corrected one and decays before the
    update; the two agree up to the size of ``eps`` and of lr²·λ.

    A parameter whose ``grad`` is None is skipped entirely: it is not decayed, and its t does not advance.
    Gradients are not searched for NaN or infinity, as that would make the processor wait for the accelerator at
    every step; one such gradient spoils the parameter and its moments for good. Check the norm that
    ``clip_grad_norm`` returns before calling ``step`` where this can happen.

    State of each updated parameter:

    - ``step``: t, a Python int. It passes unchanged through ``state_dict``, ``load_state_dict`` and JSON; unlike a
      float32 tensor it counts exactly past 2²⁴, and no conversion to another type or device can touch it.
    - ``exp_avg``: m, of the parameter's shape, type and device.
    - ``exp_avg_sq``: v, likewise.

    Sources: Kingma & Ba 2015, "Adam: A Method for Stochastic Optimization", arXiv:1412.6980; Loshchilov & Hutter
    2019, "Decoupled Weight Decay Regularization", arXiv:1711.05101.

    Args:
        params: Tensors to optimize, or dicts ``{"params": tensors, "lr": …, …}``: parameter groups, each with its
            own settings; a setting left out of a group takes the value given here.
        lr: Learning rate, at least 0. A schedule may change ``group["lr"]`` between steps.
        betas: β1 and β2, the decay rates of the moments per step, each in [0, 1). A rate of β remembers about the
            last 1/(1 − β) steps.
        eps: Keeps the division finite where √v is 0; more than 0.
        weight_decay: λ, at least 0. A step multiplies the weights by 1 − lr·λ.

    Raises:
        ValueError: A setting, of the optimizer or of one group, is outside its range; or there are no parameters.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        _check_settings(defaults)
        super().__init__(params, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add one more group of parameters, for example layers that have just been unfrozen.

        Args:
            param_group: ``{"params": tensors}`` and any settings that differ from the optimizer's.

        Raises:
            ValueError: A setting is outside its range, or a parameter is already in another group.
        """
        _check_settings({**self.defaults, **param_group})
        super().add_param_group(param_group)

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Update every parameter that has a gradient, in place.

        Args:
            closure: Optional; clears the gradients, computes the loss, calls ``backward`` and returns the loss.

        Returns:
            What the closure returned, or None without one.

        Raises:
            ValueError: A gradient is sparse or complex; no parameter has been changed then.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():  # the closure calls backward(), inside a method that runs without gradients
                loss = closure()

        require_dense_real_gradients("AdamW", self.param_groups)
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, parameter.grad, group)
        return loss

    def _update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        """Apply the equations of the class to one parameter; ``gradient`` has its shape."""
        state = self.state[parameter]
        if not state:
            state["step"] = 0
            state["exp_avg"] = torch.zeros_like(parameter)
            state["exp_avg_sq"] = torch.zeros_like(parameter)

        state["step"] += 1
        t, m, v = state["step"], state["exp_avg"], state["exp_avg_sq"]
        lr, (beta1, beta2) = group["lr"], group["betas"]

        m.mul_(beta1).add_(gradient, alpha=1 - beta1)
        v.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)

        step_size = lr * math.sqrt(1 - beta2**t) / (1 - beta1**t)
        denominator = v.sqrt().add_(group["eps"])  # the only temporary: as large as the parameter
        parameter.addcdiv_(m, denominator, value=-step_size)

        if group["weight_decay"] != 0:  # spares one pass over the memory
            parameter.mul_(1 - lr * group["weight_decay"])


def _check_settings(settings: dict[str, Any]) -> None:
    """Raise ValueError if a setting of AdamW is outside its range."""
    require_non_negative("lr", settings["lr"], "try 1e-3, and less if the loss diverges")
    require_non_negative("weight_decay", settings["weight_decay"], "try 0.01, or 0 for no decay")

    betas = settings["betas"]
    if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
        raise ValueError(
            f"betas is {betas!r}, but it must be two numbers of at least 0 and below 1: try (0.9, 0.999), "
            "as a moment that decays at a rate of 1 would never see a gradient"
        )

    require_non_negative("eps", settings["eps"], "try 1e-8")
    if settings["eps"] == 0:
        raise ValueError(
            "eps is 0, but it must be more than 0: try 1e-8, as a parameter whose gradients are all 0 "
            "(the embedding of a token not seen yet) would become 0/0 = NaN"
        )
