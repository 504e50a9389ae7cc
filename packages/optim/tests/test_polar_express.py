"""The polynomials of Polar Express: against the published table, and against what they must do."""

import pytest
import torch

from optim import newton_schulz
from optim.polar_express import LOWEST, best_quintic, evaluate, polar_express

# Amsel et al. 2025, arXiv:2505.16932: before dividing x by 1.01.
PUBLISHED = [
    (8.28721201814563, -23.595886519098837, 17.300387312530933),
    (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
    (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
    (3.3184196573706015, -2.488488024314874, 0.51004894012372),
    (2.300652019954817, -1.6689039845747493, 0.4188073119525673),
    (1.891301407787398, -1.2679958271945868, 0.37680408948524835),
    (1.8750014808534479, -1.2500016453999487, 0.3750001645474248),
    (1.875, -1.25, 0.375),
]


@pytest.mark.parametrize("steps", [1, 5, 8])
def test_they_are_the_published_ones(steps):
    *quintics, last = polar_express(steps)
    assert last == pytest.approx(PUBLISHED[steps - 1], rel=1e-7)
    for quintic, (a, b, c) in zip(quintics, PUBLISHED, strict=False):
        assert quintic == pytest.approx((a / 1.01, b / 1.01**3, c / 1.01**5), rel=1e-7)


@pytest.mark.parametrize(("lower", "upper"), [(0.001, 1.0), (0.3, 1.7), (0.9, 1.1), (0.9999, 1.0001), (1.0, 1.0)])
def test_the_error_of_the_best_quintic_alternates(lower, upper):
    quintic = best_quintic(lower, upper)
    xs = torch.linspace(lower, upper, 100_001, dtype=torch.float64)
    errors = 1 - evaluate(quintic, xs)
    largest = errors.abs().max()
    extrema = errors[errors.abs() > largest * (1 - 1e-6)].sign()
    if lower + 1e-2 < upper:  # equal and alternating at four points, so no other is better (Chebyshev)
        assert 1 + torch.count_nonzero(extrema.diff()) == 4
        assert errors[0].item() == pytest.approx(largest.item(), rel=1e-6)
    else:
        assert largest < 1e-9


@pytest.mark.parametrize(("steps", "bound"), [(5, 0.148), (6, 0.005), (7, 1e-6), (12, 1e-14)])
def test_together_they_bring_an_interval_close_to_one(steps, bound):
    x = torch.logspace(-3, 0, 10_001, dtype=torch.float64)
    assert x[0] == pytest.approx(LOWEST)
    for quintic in polar_express(steps):
        x = evaluate(quintic, x)
    assert (x - 1).abs().max() < bound
    assert bound < (1 - LOWEST**2) ** (3**steps)  # the bound that the paper proves without the two safety measures


@pytest.mark.parametrize("shape", [(64, 64), (48, 96), (96, 48)])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_singular_values_come_closer_to_one_than_with_jordans_polynomial(shape, precision):
    for seed in range(3):
        matrix = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
        distances = {}
        for coefficients in ("jordan", "polar_express"):
            orthogonal = newton_schulz(matrix, precision=precision, coefficients=coefficients)
            distances[coefficients] = (torch.linalg.svdvals(orthogonal.float()) - 1).square().mean().sqrt()
        assert distances["polar_express"] < 0.7 * distances["jordan"]
