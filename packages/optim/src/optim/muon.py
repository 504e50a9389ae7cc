"""Muon: momentum, orthogonalized, for the hidden matrices; AdamW for all the rest, in the same optimizer."""

import math
from collections.abc import Callable
from typing import Any, Literal, overload

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from optim._checks import require_dense_real_gradients, require_non_negative
from optim._gated import GatedOptimizer, keep_where
from optim.adamw import check_adamw_settings
from optim.adamw_updates import Implementation, check_implementation, update_group
from optim.newton_schulz import Precision, check_precision, computing_type, newton_schulz

Scale = Literal["original", "match_adamw"]
"""How Muon's learning rate depends on the shape of a matrix: see ``Muon``."""

_AT_ONCE = 2**25  # weights that are orthogonalized together: enough to fill a device, little enough to fit beside it


class Muon(GatedOptimizer):
    """Momentum orthogonalized by Newton–Schulz iterations (Muon).

    For a matrix W of shape ``[rows, columns]`` with gradient G::

        B ← μ·B + (1 − μ)·G                        momentum
        M = μ·B + (1 − μ)·G   or   M = B           with and without Nesterov's look ahead
        W ← W − lr·λ·W                             decoupled weight decay
        W ← W − lr·s·O,  O = newton_schulz(M)      all directions of the update are about equally long

    The factor s makes one learning rate serve all shapes:

    - ``original``: √max(1, rows/columns), from the first publication; rates are about 0.02.
    - ``match_adamw``: 0.2·√max(rows, columns), which makes the update as large as AdamW's usually are, so that
      learning rate and weight decay tuned for AdamW can be kept.

    Muon is for the matrices between embedding and LM head. A group with ``"algorithm": "adamw"`` is updated exactly as
    ``AdamW`` does, with the group's ``lr``, ``betas``, ``eps`` and ``weight_decay``; ``parameter_groups`` sorts a
    model's parameters. Parameters without gradient are skipped entirely.

    State: ``momentum_buffer`` (B) for matrices, that of ``AdamW`` for the rest.

    Sources: K. Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks",
    kellerjordan.github.io/posts/muon; Liu et al. 2025, "Muon is Scalable for LLM Training", arXiv:2502.16982, for
    weight decay and ``match_adamw`` (section 2.2).

    Args:
        params: Matrices, or groups of parameters, each with its own settings.
        lr: Learning rate, at least 0.
        momentum: μ, in [0, 1).
        weight_decay: λ, at least 0.
        nesterov: Look ahead by the momentum.
        scale: s, as above.
        steps: Newton–Schulz iterations, at least 1.
        precision: Type in which these are computed: see ``newton_schulz``.
        betas: AdamW's, for its groups.
        eps: AdamW's, for its groups.
        implementation: AdamW's, for its groups.

    Raises:
        ValueError: A setting, of the optimizer or of one group, is outside its range; a parameter that Muon is to
            update is no matrix; or there are no parameters.
    """

    implementation: Implementation = "auto"  # these two are no settings of a group, and not saved: how, not what
    precision: Precision = "auto"

    def __init__(
        self,
        params: ParamsT,
        lr: float = 0.02,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        *,
        nesterov: bool = True,
        scale: Scale = "original",
        steps: int = 5,
        precision: Precision = "auto",
        betas: tuple[float, float] = (0.9, 0.95),
        eps: float = 1e-8,
        implementation: Implementation = "auto",
    ) -> None:
        defaults = {
            "algorithm": "muon",
            "lr": lr,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "scale": scale,
            "steps": steps,
            "betas": betas,
            "eps": eps,
        }
        check_precision(precision)
        check_implementation(implementation)
        self.precision = precision
        self.implementation = implementation
        super().__init__(params, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add one more group of parameters.

        Args:
            param_group: ``{"params": tensors}`` and any settings that differ from the optimizer's.

        Raises:
            ValueError: As for the class; or a parameter is already in another group.
        """
        params = param_group["params"]
        params = [params] if isinstance(params, Tensor) else list(params)  # an iterator can be looked at only once
        _check_settings({**self.defaults, **param_group}, params)
        super().add_param_group({**param_group, "params": params})

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

        require_dense_real_gradients("Muon", self.param_groups)
        self._check_only_if(only_if)
        self._countable = None
        for group in self.param_groups:
            if group["algorithm"] == "adamw":
                update_group(self.state, group, self.implementation, only_if)
                continue
            for matrices in _batches(group["params"]):
                self._update(matrices, group, only_if)
        self._note_step(only_if)
        return loss

    def _update(self, matrices: list[Tensor], group: dict[str, Any], only_if: Tensor | None) -> None:
        """Apply the equations of the class to matrices of one shape, together."""
        gradients = [matrix.grad for matrix in matrices if matrix.grad is not None]
        for matrix in matrices:
            if not self.state[matrix]:
                self.state[matrix]["momentum_buffer"] = torch.zeros_like(matrix)
        buffers = [self.state[matrix]["momentum_buffer"] for matrix in matrices]
        lr, momentum = group["lr"], group["momentum"]

        if only_if is None:
            torch._foreach_lerp_(buffers, gradients, 1 - momentum)
        else:
            keep_where(only_if, torch._foreach_lerp(buffers, gradients, 1 - momentum), buffers)
        directions = torch._foreach_lerp(gradients, buffers, momentum) if group["nesterov"] else buffers
        dtype = computing_type(self.precision, matrices[0].device)
        stacked = torch.stack([direction.to(dtype) for direction in directions])
        orthogonal = newton_schulz(stacked, group["steps"], self.precision)

        changed = matrices if only_if is None else [matrix.clone() for matrix in matrices]
        if group["weight_decay"] != 0:
            torch._foreach_mul_(changed, 1 - lr * group["weight_decay"])
        updates = list(orthogonal.to(matrices[0].dtype).unbind())
        torch._foreach_add_(changed, updates, alpha=-lr * shape_factor(group["scale"], *matrices[0].shape))
        if only_if is not None:
            keep_where(only_if, changed, matrices)


def shape_factor(scale: Scale, rows: int, columns: int) -> float:
    """Return s, by which Muon's learning rate is multiplied for matrices of a shape."""
    if scale == "match_adamw":
        return 0.2 * math.sqrt(max(rows, columns))
    return math.sqrt(max(1, rows / columns))


def _batches(parameters: list[Tensor]) -> list[list[Tensor]]:
    """Sort the matrices that have a gradient into lists of one shape, type and device, none too large."""
    alike: dict[tuple[torch.Size, torch.dtype, torch.device], list[Tensor]] = {}
    for matrix in parameters:
        if matrix.grad is not None:
            alike.setdefault((matrix.shape, matrix.dtype, matrix.device), []).append(matrix)
    batches = []
    for matrices in alike.values():
        length = max(1, _AT_ONCE // max(1, matrices[0].numel()))
        batches += [matrices[first : first + length] for first in range(0, len(matrices), length)]
    return batches


def _check_settings(settings: dict[str, Any], params: list[Any]) -> None:
    """Raise ValueError if a setting of Muon is outside its range, or a parameter cannot be updated by it."""
    if settings["algorithm"] not in ("muon", "adamw"):
        raise ValueError(f"algorithm is {settings['algorithm']!r}: choose 'muon' or 'adamw'")
    if settings["algorithm"] == "adamw":
        check_adamw_settings(settings)
        return
    require_non_negative("lr", settings["lr"], "try 0.02, and less if the loss diverges")
    require_non_negative("weight_decay", settings["weight_decay"], "try 0.01, or 0 for no decay")
    if not 0 <= settings["momentum"] < 1:
        raise ValueError(f"momentum is {settings['momentum']!r}, but it must be at least 0 and below 1: try 0.95")
    if settings["scale"] not in ("original", "match_adamw"):
        raise ValueError(f"scale is {settings['scale']!r}: choose 'original' or 'match_adamw'")
    if settings["steps"] < 1:
        raise ValueError(f"steps is {settings['steps']!r}, but it must be at least 1: try 5")
    for param in params:
        tensor = param[1] if isinstance(param, tuple) else param
        if tensor.ndim != 2:
            raise ValueError(
                f"a parameter of shape {tuple(tensor.shape)} is no matrix, which is all that Muon can update: "
                'put it into a group with "algorithm": "adamw"'
            )
