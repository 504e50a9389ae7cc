"""A law of scaling, L(N, D) = E + A·N^−α + B·D^−β, fitted by least squares.

The form is that of Hoffmann et al. (2022), "Training Compute-Optimal Large Language Models", section 3.3. For given
exponents the law is linear in E, A and B, so only the two exponents are searched, over a grid: the fit needs no
starting point and cannot stop in a local minimum.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PARAMETERS = 5
_EXPONENTS = np.geomspace(0.02, 3.0, 120)
_EXPLAINED = 0.9
"""A fit that explains a smaller share of the variance describes nothing."""
_VANISHING = 0.005
"""A term with a smaller share of the loss is not determined by the data."""


@dataclass(frozen=True)
class ScalingLaw:
    """A fitted law, and how well it fits."""

    floor: float
    """E, the loss that no model goes below, in nats per token."""
    size_factor: float
    """A."""
    size_exponent: float
    """α."""
    data_factor: float
    """B."""
    data_exponent: float
    """β."""
    residual: float
    """Root of the mean square of the deviations, in nats per token."""
    explained: float
    """Share of the variance of the losses that the law explains."""
    doubts: tuple[str, ...]
    """Why the fit is meaningless; empty if nothing speaks against it."""

    def loss(self, size: float, tokens: float) -> float:
        """Return the loss that the law gives.

        Args:
            size: number of parameters.
            tokens: number of tokens trained on.
        """
        return (
            self.floor + self.size_factor * size**-self.size_exponent + self.data_factor * tokens**-self.data_exponent
        )

    @property
    def optimal_exponent(self) -> float:
        """The exponent `a` in N_opt ∝ C^a, the best size for a compute C, which is β / (α + β)."""
        return self.data_exponent / (self.size_exponent + self.data_exponent)


def fit(sizes: Sequence[float], tokens: Sequence[float], losses: Sequence[float]) -> ScalingLaw | None:
    """Fit the law to final losses.

    Args:
        sizes: number of parameters of each run.
        tokens: number of tokens that each run was trained on.
        losses: its final loss.

    Returns:
        The law, with the doubts about it; None if there are fewer runs than numbers to fit.
    """
    if len(losses) < PARAMETERS:
        return None
    y = np.array(losses)
    # Scaled by the geometric means, so that all columns of the linear problem are near 1.
    size_scale, data_scale = _geometric_mean(sizes), _geometric_mean(tokens)
    n, d = np.array(sizes) / size_scale, np.array(tokens) / data_scale
    alphas, betas = (each.ravel() for each in np.meshgrid(_EXPONENTS, _EXPONENTS))
    columns = np.stack([np.ones((len(alphas), len(y))), n ** -alphas[:, None], d ** -betas[:, None]], axis=2)
    coefficients: NDArray[np.float64] = np.linalg.pinv(columns) @ y
    errors = np.sum((np.einsum("gnk,gk->gn", columns, coefficients) - y) ** 2, axis=1)
    allowed = (coefficients >= 0).all(axis=1)
    if not allowed.any():
        return ScalingLaw(0.0, 0.0, 0.0, 0.0, 0.0, float(y.std()), 0.0, ("no law with positive terms fits",))
    best = int(np.argmin(np.where(allowed, errors, np.inf)))
    alpha, beta = float(alphas[best]), float(betas[best])
    floor, size_term, data_term = (float(value) for value in coefficients[best])
    variation = float(np.sum((y - y.mean()) ** 2))
    explained = 1 - float(errors[best]) / variation if variation else 0.0
    return ScalingLaw(
        floor,
        size_term * size_scale**alpha,
        alpha,
        data_term * data_scale**beta,
        beta,
        math.sqrt(float(errors[best]) / len(y)),
        explained,
        _doubts(len(y), explained, (alpha, beta), (floor, size_term, data_term)),
    )


def _doubts(
    count: int, explained: float, exponents: tuple[float, float], terms: tuple[float, float, float]
) -> tuple[str, ...]:
    """Return what speaks against a fit: of `terms` each is a part of the loss at the mean size and length."""
    doubts = []
    if count <= PARAMETERS + 1:
        doubts.append(f"{count} runs are too few for {PARAMETERS} numbers")
    if explained < _EXPLAINED:
        doubts.append(f"the law explains only {explained:.0%} of the variance")
    ends = (float(_EXPONENTS[0]), float(_EXPONENTS[-1]))
    doubts += [
        f"the exponent of the {name} is at the end of the range that was searched"
        for name, value in zip(("size", "tokens"), exponents, strict=True)
        if value in ends
    ]
    names = ("constant term", "term of the size", "term of the tokens")
    doubts += [
        f"the {name} vanishes" for name, value in zip(names, terms, strict=True) if value < _VANISHING * sum(terms)
    ]
    return tuple(doubts)


def _geometric_mean(values: Sequence[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))
