"""Orthogonalization by Newton–Schulz iterations, which bring all singular values of a matrix close to 1."""

from collections.abc import Mapping
from typing import Any, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from optim.choices import NewtonSchulzCoefficients, NewtonSchulzPrecision
from optim.polar_express import polar_express

JORDAN = (3.4445, -4.7750, 2.0315)
"""a, b, c of the quintic polynomial, chosen by Jordan et al. to rise as steeply as possible at 0."""


def newton_schulz(
    matrices: Float[Tensor, "... rows columns"],
    steps: int = 5,
    precision: NewtonSchulzPrecision = "auto",
    coefficients: NewtonSchulzCoefficients = "jordan",
) -> Float[Tensor, "... rows columns"]:
    """Approximate the orthogonal matrix closest to each matrix: UVᵀ, if its singular value decomposition is USVᵀ.

    ::

        X ← M/‖M‖                                 Frobenius norm, so all singular values are in [0, 1]
        X ← a·X + (b·A + c·A²)·X,  A = XXᵀ        ``steps`` times

    Each iteration maps every singular value s to a·s + b·s³ + c·s⁵ and leaves U and V as they are. A matrix with more
    rows than columns is multiplied from the right instead, by polynomials of XᵀX, which is smaller and gives the same.

    - ``jordan``: one polynomial for all iterations. It does not converge to 1; it raises small values fast (by
      a = 3.4445 per iteration) and then keeps them between about 0.7 and 1.2. Source: K. Jordan et al. 2024, "Muon: An
      optimizer for hidden layers in neural networks", kellerjordan.github.io/posts/muon.
    - ``polar_express``: a polynomial for each iteration, the best for the values that the iterations before leave. It
      converges, for values from 1e-3 on: after 5 iterations these are at most 0.15 from 1 (0.53 with ``jordan``),
      after 6 at most 0.005. See ``optim.polar_express``.

    Args:
        matrices: ``[..., rows, columns]``, all computed together.
        steps: Iterations, at least 1.
        precision: ``bfloat16`` is precise enough, and the fastest if the device has units for it; otherwise it is up
            to 80 times slower than ``float32``. ``auto`` means bfloat16 on accelerators and on CPUs with AMX, else
            float32.
        coefficients: The polynomials: ``jordan`` or ``polar_express``.

    Returns:
        Matrices of the same shape, in the type used for computing. A matrix of zeros gives zeros.
    """
    quintics = polar_express(steps) if coefficients == "polar_express" else (JORDAN,) * steps
    rows, columns = matrices.shape[-2:]
    x = matrices.to(computing_type(precision, matrices.device)).reshape(-1, rows, columns)
    norms = torch.linalg.vector_norm(x, dim=(-2, -1), keepdim=True, dtype=torch.float32).clamp(min=1e-7)
    x = x / norms.to(x.dtype)
    for a, b, c in quintics:
        gram = x.mT @ x if rows > columns else x @ x.mT
        factor = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        x = torch.baddbmm(x, x, factor, beta=a) if rows > columns else torch.baddbmm(x, factor, x, beta=a)
    return x.reshape(matrices.shape)


def computing_type(precision: NewtonSchulzPrecision, device: torch.device) -> torch.dtype:
    """Return the type in which the iterations are computed on a device."""
    if precision == "auto":
        # Measured on a Xeon: 3 times as fast as float32 with AMX on 2 threads, 5 times on one, as fast with AVX-512
        # alone, 80 times slower without either.
        get_capabilities = getattr(torch.cpu, "get_capabilities", dict)  # missing in older versions of torch
        capabilities: Mapping[str, Any] = get_capabilities()
        fast = device.type != "cpu" or capabilities.get("amx_bf16", False)
        return torch.bfloat16 if fast else torch.float32
    return torch.bfloat16 if precision == "bfloat16" else torch.float32


def check_precision(precision: str) -> None:
    """Raise ValueError if there is no such precision."""
    if precision not in get_args(NewtonSchulzPrecision):
        raise ValueError(f"precision is {precision!r}: choose one of {', '.join(get_args(NewtonSchulzPrecision))}")


def check_coefficients(coefficients: str) -> None:
    """Raise ValueError if there are no such coefficients."""
    if coefficients not in get_args(NewtonSchulzCoefficients):
        known = ", ".join(get_args(NewtonSchulzCoefficients))
        raise ValueError(f"coefficients is {coefficients!r}: choose one of {known}")
