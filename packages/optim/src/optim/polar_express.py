"""The polynomials of Polar Express: the fastest way to bring all singular values of a matrix close to 1.

Source: Amsel, Persson, Musco & Gower 2025, "The Polar Express: Optimal Matrix Sign Methods and Their Application to the
Muon Algorithm", arXiv:2505.16932.
"""

from functools import cache

import torch

Quintic = tuple[float, float, float]
"""a, b, c of the polynomial a·x + b·x³ + c·x⁵."""

LOWEST = 1e-3
"""Singular values from here to 1 are brought to 1; the value that the authors recommend."""

_CUSHION = 0.02407327424182761  # of the authors' appendix; their text says 1/10
_SAFETY = 1.01


@cache
def polar_express(steps: int) -> tuple[Quintic, ...]:
    """Compute the polynomials, which differ from one iteration to the next.

    Each one is the best for its interval: if the singular values are in [l, u], it minimizes the largest |1 − p(x)|
    there, and their new interval is [p(l), 2 − p(l)]. Composed, these are the best of all compositions (theorem 4.1).
    Two changes make this safe in bfloat16 (section 4.4): a polynomial is chosen for an interval of which the lower end
    is at least 0.024·u, then scaled so that p(l) and p(u) are equally far from 1; and, except for the last, x is
    divided by 1.01, so that values pushed above u by rounding do not grow.

    >>> [[round(number, 3) for number in quintic] for quintic in polar_express(2)]
    [[8.205, -22.902, 16.461], [4.107, -2.948, 0.545]]
    """
    lower, upper = LOWEST, 1.0
    quintics = []
    for step in range(1, steps + 1):
        quintic = best_quintic(max(lower, _CUSHION * upper), upper)
        scale = 2 / (evaluate(quintic, lower) + evaluate(quintic, upper))
        a, b, c = (scale * coefficient for coefficient in quintic)
        lower = evaluate((a, b, c), lower)
        upper = 2 - lower
        quintics.append((a, b, c) if step == steps else (a / _SAFETY, b / _SAFETY**3, c / _SAFETY**5))
    return tuple(quintics)


def best_quintic(lower: float, upper: float) -> Quintic:
    """Return the odd polynomial of degree 5 with the smallest max |1 − p(x)| on an interval, by Remez' algorithm.

    Its error has the same size and alternating signs at both ends and at its two extrema, so if these are known, the
    coefficients follow from four linear equations, and from the coefficients better extrema.
    """
    if upper - lower < 1e-5 * upper:  # too close together to tell the points apart: the polynomial for a single point
        return 15 / 8 / upper, -10 / 8 / upper**3, 3 / 8 / upper**5
    points = torch.linspace(lower, upper, 4, dtype=torch.float64)
    signs = torch.tensor([1.0, -1.0, 1.0, -1.0], dtype=torch.float64)
    for _ in range(20):  # it converges quadratically: after six, nothing changes any more
        equations = torch.stack([points, points**3, points**5, signs], dim=1)
        a, b, c, _ = torch.linalg.solve(equations, torch.ones(4, dtype=torch.float64)).tolist()
        root = (9 * b * b - 20 * a * c) ** 0.5  # of p' = a + 3b·x² + 5c·x⁴ as a polynomial of x²
        points[1], points[2] = ((-3 * b - root) / (10 * c)) ** 0.5, ((-3 * b + root) / (10 * c)) ** 0.5
    return a, b, c


def evaluate(quintic: Quintic, x: float) -> float:
    """Return p(x)."""
    a, b, c = quintic
    return a * x + b * x**3 + c * x**5
