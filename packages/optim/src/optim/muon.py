"""Muon: orthogonalized momentum for the hidden matrices, and AdamW for all other parameters, in one optimizer."""

import math
from typing import Any, get_args

import torch
from jaxtyping import Float
from torch import Tensor
from torch.optim.optimizer import ParamsT

from optim._checks import require_non_negative
from optim.adamw import adamw_update_group, check_adamw_settings
from optim.adamw_fast import check_implementation
from optim.cautious import decaying
from optim.choices import Algorithm, Implementation, MuonScale, NewtonSchulzCoefficients, NewtonSchulzPrecision
from optim.muon_fast import compiled_descend, compiled_update_momentum
from optim.normuon import normalize_longer_side, second_moments
from optim.one_pass import fits_one_pass
from optim.optimizer import BaseOptimizer
from optim.orthogonalization import check_coefficients, check_precision, computing_type, newton_schulz

_BATCH_NUMEL = 2**25  # weights that are orthogonalized together: enough to use a device fully, few enough to fit in it


class Muon(BaseOptimizer):
    """Momentum orthogonalized by Newton–Schulz iterations (Muon).

    For a matrix W of shape ``[rows, columns]`` with gradient G::

        B ← μ·B + (1 − μ)·G                        momentum
        M = μ·B + (1 − μ)·G   or   M = B           with and without Nesterov momentum
        W ← W − lr·λ·W                             decoupled weight decay
        W ← W − lr·s·O,  O = newton_schulz(M)      all singular values of O are close to 1

    The factor s makes one learning rate serve all shapes:

    - ``original``: √max(1, rows/columns), from the first publication; a usual learning rate is 0.02.
    - ``match_adamw``: 0.2·√max(rows, columns), which makes the update about as large as AdamW's, so that a learning
      rate and weight decay tuned for AdamW can be kept.

    Muon is meant for the matrices between embedding and LM head. A group with ``"algorithm": "adamw"`` is updated
    exactly as by ``AdamW``, with the group's ``lr``, ``betas``, ``eps`` and ``weight_decay``; ``parameter_groups``
    sorts a model's parameters into such groups. Parameters without gradient are skipped entirely.

    With ``cautious_weight_decay``, only elements decay in which O and W have one sign: see ``optim.cautious``.
    With ``second_moment``, the rows or columns of O are brought to the same size: see ``optim.normuon``.

    State: ``momentum_buffer`` (B) and ``second_moment`` (v) for matrices, and that of ``AdamW`` for its groups.

    Sources: K. Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks",
    kellerjordan.github.io/posts/muon; Liu et al. 2025, "Muon is Scalable for LLM Training", arXiv:2502.16982, for
    weight decay and ``match_adamw`` (section 2.2).

    Args:
        params: Matrices, or groups of parameters, each with its own settings.
        lr: Learning rate, at least 0.
        momentum: μ, in [0, 1).
        weight_decay: λ, at least 0.
        nesterov: Whether to use Nesterov momentum: M = μ·B + (1 − μ)·G.
        scale: s, as above.
        steps: Newton–Schulz iterations, at least 1.
        precision: Type in which these are computed: see ``newton_schulz``.
        betas: Of ``AdamW``, for its groups.
        eps: Of ``AdamW``, for its groups.
        implementation: Of ``AdamW``, for its groups. ``compiled`` also computes all that comes before and after the
            iterations in one pass each: 24 bytes for each weight instead of 52.
        coefficients: Polynomials of the iterations: see ``newton_schulz``.
        cautious_weight_decay: Whether only weights decay that the update moves towards 0, also in the groups of AdamW.
        second_moment: β2 of NorMuon, in [0, 1), such as 0.95; None: O is used as it is.

    Raises:
        ValueError: A setting, of the optimizer or of one group, is outside its range; a parameter in a group of
            Muon's is not a matrix; or there are no parameters.
    """

    # How the update is computed, not what it is: neither settings of a group nor saved.
    implementation: Implementation = "auto"
    precision: NewtonSchulzPrecision = "auto"

    def __init__(
        self,
        params: ParamsT,
        lr: float = 0.02,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        *,
        nesterov: bool = True,
        scale: MuonScale = "original",
        steps: int = 5,
        precision: NewtonSchulzPrecision = "auto",
        betas: tuple[float, float] = (0.9, 0.95),
        eps: float = 1e-8,
        implementation: Implementation = "auto",
        coefficients: NewtonSchulzCoefficients = "jordan",
        cautious_weight_decay: bool = False,
        second_moment: float | None = None,
    ) -> None:
        defaults = {
            "algorithm": "muon",
            "lr": lr,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "scale": scale,
            "steps": steps,
            "coefficients": coefficients,
            "cautious_weight_decay": cautious_weight_decay,
            "second_moment": second_moment,
            "betas": betas,
            "eps": eps,
        }
        check_precision(precision)
        super().__init__(params, defaults)
        check_implementation(implementation, self.param_groups)
        self.precision = precision
        self.implementation = implementation

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add one more group of parameters.

        Args:
            param_group: ``{"params": tensors}`` and any settings that differ from the optimizer's.

        Raises:
            ValueError: As for the class; or a parameter is already in another group.
        """
        params = param_group["params"]
        params = [params] if isinstance(params, Tensor) else list(params)  # an iterator can be read only once
        _check_settings({**self.defaults, **param_group}, params)
        super().add_param_group({**param_group, "params": params})

    def update_group(self, group: dict[str, Any]) -> None:
        """Update the parameters of a group that have a gradient, by Muon or AdamW as its ``algorithm`` says."""
        if group["algorithm"] == "adamw":
            adamw_update_group(self.state, group, self.implementation)
            return
        for matrices in _batches(group["params"]):
            self._update_matrices(matrices, group)

    def _update_matrices(self, matrices: list[Float[Tensor, "rows columns"]], group: dict[str, Any]) -> None:
        """Apply the equations of the class to matrices of one shape, together."""
        gradients = [matrix.grad.contiguous() for matrix in matrices if matrix.grad is not None]
        for matrix in matrices:
            if not self.state[matrix]:
                self.state[matrix]["momentum_buffer"] = torch.zeros_like(matrix)
        buffers = [self.state[matrix]["momentum_buffer"] for matrix in matrices]
        compiled = self.implementation == "compiled" and all(map(fits_one_pass, matrices))
        before, after = (compiled_update_momentum, compiled_descend) if compiled else (update_momentum, descend)

        dtype = computing_type(self.precision, matrices[0].device)
        directions = before(buffers, gradients, group["momentum"], nesterov=group["nesterov"], dtype=dtype)
        coefficients = group.get(
            "coefficients", "jordan"
        )  # missing in states that were saved before there was a choice
        orthogonal = newton_schulz(directions, group["steps"], self.precision, coefficients)
        if (beta2 := group.get("second_moment")) is not None:  # absent from older states
            orthogonal = normalize_longer_side(orthogonal, second_moments(self.state, matrices), beta2)
        step_size = group["lr"] * shape_factor(group["scale"], *matrices[0].shape)
        decay, cautious = group["lr"] * group["weight_decay"], group.get("cautious_weight_decay", False)
        after(matrices, list(orthogonal.unbind()), step_size, decay=decay, cautious=cautious)


def update_momentum(
    buffers: list[Float[Tensor, "rows columns"]],
    gradients: list[Float[Tensor, "rows columns"]],
    momentum: float,
    *,
    nesterov: bool,
    dtype: torch.dtype,
) -> Float[Tensor, "matrices rows columns"]:
    """Update B, and return M in the type of the iterations."""
    torch._foreach_lerp_(buffers, gradients, 1 - momentum)
    directions = torch._foreach_lerp(gradients, buffers, momentum) if nesterov else buffers
    return torch.stack([direction.to(dtype) for direction in directions])


def descend(
    matrices: list[Float[Tensor, "rows columns"]],
    orthogonal: list[Float[Tensor, "rows columns"]],
    step_size: float,
    *,
    decay: float,
    cautious: bool,
) -> None:
    """Update W; ``step_size`` is lr·s, ``decay`` is lr·λ, of the elements that have the sign of O if ``cautious``."""
    if decay != 0:  # not a factor of 1 - decay, which would be rounded first
        torch._foreach_add_(matrices, decaying(matrices, orthogonal) if cautious else matrices, alpha=-decay)
    torch._foreach_add_(matrices, orthogonal, alpha=-step_size)


def shape_factor(scale: MuonScale, rows: int, columns: int) -> float:
    """Return s, by which Muon's learning rate is multiplied for matrices of this shape."""
    if scale == "match_adamw":
        return 0.2 * math.sqrt(max(rows, columns))
    return math.sqrt(max(1, rows / columns))


def _batches(parameters: list[Float[Tensor, "_ _"]]) -> list[list[Float[Tensor, "rows columns"]]]:
    """Sort the matrices that have a gradient into lists of one shape, type and device, none of them too large."""
    alike: dict[tuple[torch.Size, torch.dtype, torch.device], list[Tensor]] = {}
    for matrix in parameters:
        if matrix.grad is not None:
            alike.setdefault((matrix.shape, matrix.dtype, matrix.device), []).append(matrix)
    batches = []
    for matrices in alike.values():
        length = max(1, _BATCH_NUMEL // max(1, matrices[0].numel()))
        batches += [matrices[first : first + length] for first in range(0, len(matrices), length)]
    return batches


def _check_settings(settings: dict[str, Any], params: list[Any]) -> None:
    """Raise ValueError if a setting of Muon is outside its range, or a parameter cannot be updated by it."""
    if settings["algorithm"] not in get_args(Algorithm):
        raise ValueError(f"algorithm is {settings['algorithm']!r}: choose 'muon' or 'adamw'")
    if settings["algorithm"] == "adamw":
        check_adamw_settings(settings)
        return
    require_non_negative("lr", settings["lr"], "try 0.02, and less if the loss diverges")
    require_non_negative("weight_decay", settings["weight_decay"], "try 0.01, or 0 for no decay")
    if not 0 <= settings["momentum"] < 1:
        raise ValueError(f"momentum is {settings['momentum']!r}, but it must be at least 0 and below 1: try 0.95")
    if settings["scale"] not in get_args(MuonScale):
        raise ValueError(f"scale is {settings['scale']!r}: choose 'original' or 'match_adamw'")
    check_coefficients(settings["coefficients"])
    beta2 = settings["second_moment"]
    if beta2 is not None and not 0 <= beta2 < 1:
        raise ValueError(f"second_moment is {beta2!r}, but it must be at least 0 and below 1: try 0.95, or None")
    if settings["steps"] < 1:
        raise ValueError(f"steps is {settings['steps']!r}, but it must be at least 1: try 5")
    for param in params:
        tensor = param[1] if isinstance(param, tuple) else param
        if tensor.ndim != 2:
            raise ValueError(
                f"a parameter of shape {tuple(tensor.shape)} is not a matrix, but Muon updates matrices only: "
                'put it into a group with "algorithm": "adamw"'
            )
