"""Chapter 8: optimizer. Replace the body of a function by your own and run this file with pytest."""

import math

import pytest
import torch
from torch.nn import Parameter

import optim


def largest_rate(curvature: float) -> float:
    """Return the rate from which gradient descent on `curvature/2 · θ²` does not converge: |1 − lr·curvature| = 1."""
    return 2 / curvature


def adamw_step(
    theta: float,
    g: float,
    m: float,
    v: float,
    t: int,
    *,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    decay: float,
) -> tuple[float, float, float]:
    """Return θ, m and v after the t-th update."""
    beta1, beta2 = betas
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    theta -= lr * math.sqrt(1 - beta2**t) / (1 - beta1**t) * m / (math.sqrt(v) + eps)
    return theta - lr * decay * theta, m, v


def clip(gradient: list[float], max_norm: float) -> list[float]:
    """Return the gradient, scaled down to the norm if its own is larger."""
    norm = math.sqrt(sum(g * g for g in gradient))
    return [g * max_norm / norm for g in gradient] if norm > max_norm else gradient


def cosine(it: int, max_lr: float, min_lr: float, warmup: int, end: int) -> float:
    """Return the learning rate of a step: linear warm-up, half a cosine, then the lowest rate."""
    if it < warmup:
        return it / warmup * max_lr
    if it > end:
        return min_lr
    return min_lr + 0.5 * (1 + math.cos(math.pi * (it - warmup) / (end - warmup))) * (max_lr - min_lr)


@pytest.mark.parametrize("curvature", [0.5, 4.0, 100.0])
def test_largest_rate(curvature):
    for factor, converges in ((0.95, True), (1.05, False)):
        theta = 1.0
        for _ in range(200):
            theta -= factor * largest_rate(curvature) * curvature * theta
        assert (abs(theta) < 1) == converges


def test_adamw_step():
    parameter = Parameter(torch.tensor([1.5]))
    optimizer = optim.AdamW([parameter], lr=0.1, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)
    theta, m, v = 1.5, 0.0, 0.0
    for t, g in enumerate((0.3, -2.0, 0.01), start=1):
        parameter.grad = torch.tensor([g])
        optimizer.step()
        theta, m, v = adamw_step(theta, g, m, v, t, lr=0.1, betas=(0.9, 0.95), eps=1e-8, decay=0.1)
        assert theta == pytest.approx(parameter.item(), rel=1e-5)


@pytest.mark.parametrize("gradient", [[3.0, 4.0], [0.1, -0.1], [0.0, 1.0]])
def test_clip(gradient):
    parameter = Parameter(torch.zeros(2))
    parameter.grad = torch.tensor(gradient)
    optim.clip_grad_norm([parameter], 1.0, eps=0.0)
    assert clip(gradient, 1.0) == pytest.approx(parameter.grad.tolist())


@pytest.mark.parametrize("it", [0, 1, 10, 11, 50, 99, 100, 101])
def test_cosine(it):
    assert cosine(it, 0.01, 0.001, 10, 100) == pytest.approx(optim.cosine_schedule(it, 0.01, 0.001, 10, 100))
