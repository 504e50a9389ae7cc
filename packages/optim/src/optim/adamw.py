"""AdamW: adaptive moment estimation (Adam) with decoupled weight decay."""

from collections.abc import Callable
from typing import Any, overload

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from optim._checks import require_dense_real_gradients, require_non_negative
from optim._gated import GatedOptimizer
from optim.adamw_updates import Implementation, check_implementation, update_group


class AdamW(GatedOptimizer):
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
    every step; one such gradient spoils the parameter and its moments for good. Where this can happen, give ``step``
    the finiteness of the norm that ``clip_grad_norm`` returns, as ``only_if``.

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
        implementation: Who computes the update; all agree up to rounding.
            ``loop`` is the definition: one parameter after the other.
            ``foreach`` takes all parameters together, which spares an accelerator many launches; on a CPU, the
            same bits as ``loop`` in float32.
            ``compiled`` goes through the memory once instead of seven times, the fastest on a CPU. The first step
            compiles it, which takes some ten seconds and a C++ compiler, and so does a first step with other shapes.
            Parameters that are not float32 are updated as by ``auto``.
            ``auto`` never compiles: ``loop`` on a CPU, ``foreach`` elsewhere.

    Raises:
        ValueError: A setting, of the optimizer or of one group, is outside its range; there are no parameters; or
            there is no C++ compiler for ``compiled``.
    """

    implementation: Implementation = "auto"  # no setting of a group, and not saved: it changes no result

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        *,
        implementation: Implementation = "auto",
    ) -> None:
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        check_adamw_settings(defaults)
        check_implementation(implementation)
        self.implementation = implementation
        super().__init__(params, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add one more group of parameters, for example layers that have just been unfrozen.

        Args:
            param_group: ``{"params": tensors}`` and any settings that differ from the optimizer's.

        Raises:
            ValueError: A setting is outside its range, or a parameter is already in another group.
        """
        check_adamw_settings({**self.defaults, **param_group})
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
                is false, parameters and moments stay bit for bit as they were, whatever the gradients hold; only the
                counts of steps advance, see ``retract_step``. Where it is true, the result has the same bits as
                without it.

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

        require_dense_real_gradients("AdamW", self.param_groups)
        self._check_only_if(only_if)
        self._countable = None
        for group in self.param_groups:
            update_group(self.state, group, self.implementation, only_if)
        self._note_step(only_if)
        return loss


def check_adamw_settings(settings: dict[str, Any]) -> None:
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
