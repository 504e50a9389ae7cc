"""AdamW: adaptive moment estimation (Adam) with decoupled weight decay."""

import math
from collections.abc import MutableMapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.optim.optimizer import ParamsT

from optim._checks import require_non_negative
from optim.adamw_fast import check_implementation, update_together
from optim.cautious import decaying
from optim.choices import Implementation
from optim.one_pass import fits_one_pass
from optim.optimizer import BaseOptimizer


class AdamW(BaseOptimizer):
    """Adam with decoupled weight decay.

    For a parameter θ with gradient g, at its t-th update (t = 1, 2, …), element by element::

        m ← β1·m + (1 − β1)·g                          first moment: running mean of the gradient
        v ← β2·v + (1 − β2)·g²                         second moment: running mean of its square
        θ ← θ − lr·√(1 − β2ᵗ)/(1 − β1ᵗ) · m/(√v + eps)
        θ ← θ − lr·λ·θ                                 weight decay, on the θ just updated

    ``update_parameter`` is these equations as code.

    Both moments start at zero and are therefore too small at first; the factor √(1 − β2ᵗ)/(1 − β1ᵗ) corrects
    this bias. It is folded into the step size, the efficient form in Kingma & Ba (end of section 2), so ``eps``
    is added to the *uncorrected* √v. ``torch.optim.AdamW`` adds it to the corrected one and decays before the
    update; the two agree up to the size of ``eps`` and of lr²·λ.

    With ``cautious_weight_decay``, only elements decay in which m and θ have one sign: see ``optim.cautious``.

    A parameter whose ``grad`` is None is skipped entirely: it is not decayed, and its t does not advance.

    State of each updated parameter:

    - ``step``: t, a Python int. It passes unchanged through ``state_dict``, ``load_state_dict`` and JSON; unlike a
      float32 tensor it counts exactly past 2²⁴, and it is never converted to another type or moved to a device.
    - ``exp_avg``: m, of the parameter's shape, type and device.
    - ``exp_avg_sq``: v, likewise.

    Sources: Kingma & Ba 2015, "Adam: A Method for Stochastic Optimization", arXiv:1412.6980; Loshchilov & Hutter
    2019, "Decoupled Weight Decay Regularization", arXiv:1711.05101.

    Args:
        params: Tensors to optimize, or dicts ``{"params": tensors, "lr": …, …}``: parameter groups, each with its
            own settings; a setting missing from a group takes the value given here.
        lr: Learning rate, at least 0. A schedule may change ``group["lr"]`` between steps.
        betas: β1 and β2, the decay rates of the moments per step, each in [0, 1). A running mean with decay rate β
            averages about the last 1/(1 − β) steps.
        eps: Keeps the division finite where √v is 0; more than 0.
        weight_decay: λ, at least 0. A step subtracts lr·λ·θ from each weight θ.
        cautious_weight_decay: Whether only weights decay that the update moves towards 0.
        implementation: How the update is computed; the results agree up to rounding.
            ``loop`` is the definition: one parameter after the other.
            ``foreach`` updates all parameters together, which saves an accelerator many kernel launches; on a CPU it
            gives the same bits as ``loop``.
            ``compiled`` reads and writes each number once instead of up to seven times, the fastest everywhere. The
            first step compiles it, which takes a few seconds, however many parameters there are, and needs a C++
            compiler on a CPU and triton on a GPU.
            ``auto`` never compiles: ``loop`` on a CPU, ``foreach`` elsewhere. It also applies to parameters that are
            not float32 or not contiguous, unless ``loop`` is chosen.

    Raises:
        ValueError: A setting, of the optimizer or of one group, is outside its range; there are no parameters; or
            there is no compiler for ``compiled``.
    """

    implementation: Implementation = "auto"  # not a setting of a group and not saved, as it does not change results

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        *,
        cautious_weight_decay: bool = False,
        implementation: Implementation = "auto",
    ) -> None:
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        defaults["cautious_weight_decay"] = cautious_weight_decay
        check_adamw_settings(defaults)
        super().__init__(params, defaults)
        check_implementation(implementation, self.param_groups)
        self.implementation = implementation

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add one more group of parameters, for example layers that have just been unfrozen.

        Args:
            param_group: ``{"params": tensors}`` and any settings that differ from the optimizer's.

        Raises:
            ValueError: A setting is outside its range, or a parameter is already in another group.
        """
        check_adamw_settings({**self.defaults, **param_group})
        super().add_param_group(param_group)

    def update_group(self, group: dict[str, Any]) -> None:
        """Update each parameter of a group that has a gradient: see ``adamw_update_group``."""
        adamw_update_group(self.state, group, self.implementation)


def adamw_update_group(
    state: MutableMapping[Tensor, dict[str, Any]], group: dict[str, Any], implementation: Implementation
) -> None:
    """Update the parameters of one group that have a gradient, and their state; ``Muon`` calls it, too.

    Args:
        state: The optimizer's; parameters without an update so far are added.
        group: One of the optimizer's ``param_groups``, with ``lr``, ``betas``, ``eps`` and ``weight_decay``.
        implementation: How the update is computed: see ``AdamW``.
    """
    together: dict[tuple[str, int, torch.device, torch.dtype], list[Tensor]] = {}
    for parameter in group["params"]:
        if parameter.grad is None:
            continue
        own = state[parameter]
        if not own:
            own["step"] = 0
            own["exp_avg"] = torch.zeros_like(parameter)
            own["exp_avg_sq"] = torch.zeros_like(parameter)
        own["step"] += 1

        chosen: str = implementation
        if chosen == "auto" or (chosen != "loop" and not fits_one_pass(parameter)):
            chosen = "loop" if parameter.device.type == "cpu" else "foreach"
        if chosen == "loop":
            update_parameter(parameter, parameter.grad, own, group)
        else:
            together.setdefault((chosen, own["step"], parameter.device, parameter.dtype), []).append(parameter)

    for (chosen, *_), parameters in together.items():
        update_together(chosen, parameters, state, group)


def update_parameter(
    parameter: Float[Tensor, "*shape"], gradient: Float[Tensor, "*shape"], state: dict[str, Any], group: dict[str, Any]
) -> None:
    """Update one parameter and its moments in place: the definition, equation by equation.

    Args:
        parameter: θ.
        gradient: g.
        state: Of this parameter: t (already advanced), m and v as ``step``, ``exp_avg`` and ``exp_avg_sq``.
        group: The settings.
    """
    t, m, v = state["step"], state["exp_avg"], state["exp_avg_sq"]
    lr, (beta1, beta2), eps, weight_decay = group["lr"], group["betas"], group["eps"], group["weight_decay"]

    m.mul_(beta1).add_(gradient, alpha=1 - beta1)
    v.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
    step_size = lr * math.sqrt(1 - beta2**t) / (1 - beta1**t)
    parameter.addcdiv_(m, v.sqrt().add_(eps), value=-step_size)
    if weight_decay != 0:  # saves one pass over the memory
        # Not `parameter.mul_(1 - lr * weight_decay)`: 1 − 1e-5, rounded to float32, decays by 0.14 % too much.
        cautious = group.get("cautious_weight_decay", False)  # absent from older states
        parameter.add_(decaying([parameter], [m])[0] if cautious else parameter, alpha=-lr * weight_decay)


def check_adamw_settings(settings: dict[str, Any]) -> None:
    """Raise ValueError if a setting of AdamW is outside its range."""
    require_non_negative("lr", settings["lr"], "try 1e-3, and less if the loss diverges")
    require_non_negative("weight_decay", settings["weight_decay"], "try 0.01, or 0 for no decay")

    betas = settings["betas"]
    if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
        raise ValueError(
            f"betas is {betas!r}, but it must be two numbers of at least 0 and below 1: try (0.9, 0.999), "
            "as a moment with a decay rate of 1 would never change"
        )

    require_non_negative("eps", settings["eps"], "try 1e-8")
    if settings["eps"] == 0:
        raise ValueError(
            "eps is 0, but it must be more than 0: try 1e-8, as a parameter whose gradients are all 0 "
            "(such as the embedding of a token that has not occurred yet) would become 0/0 = NaN"
        )
