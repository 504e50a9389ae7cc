"""SGD with a decaying step: its equation, its counter and a toy problem with three regimes."""

import json
import math

import pytest
import torch
from torch.nn import Parameter

from optim import SGD


def toy_losses(lr: float, steps: int = 10) -> list[float]:
    """The loss before each step on mean(w²), from w = 5·randn(10, 10)."""
    w = Parameter(5 * torch.randn((10, 10), generator=torch.Generator().manual_seed(42)))
    optimizer = SGD([w], lr=lr)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (w**2).mean()
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
    return losses


def test_larger_rates_shrink_the_toy_loss_faster():
    first, after_1, after_10, after_100 = toy_losses(1)[0], *(toy_losses(lr)[-1] for lr in (1, 10, 100))
    assert 20 < first < 30  # the mean of 100 squares of 5·N(0, 1)
    assert after_100 < 1e-20 < 1 < after_10 < first / 5 < after_1 < first


def test_rate_100_reaches_about_1e_minus_23():
    assert 1e-24 < toy_losses(100)[-1] < 1e-22


def test_rate_100_only_flips_the_sign_at_its_first_step():
    losses = toy_losses(100)  # w − 100·2w/100 = −w
    assert losses[1] == pytest.approx(losses[0])
    assert losses[2] < losses[1] / 5


def test_rate_1000_diverges_to_about_1e18():
    losses = toy_losses(1000)
    assert 1e17 < losses[-1] < 1e19
    assert losses == sorted(losses)


def test_step_size_is_lr_over_the_root_of_t_plus_one():
    w = Parameter(torch.zeros(3, dtype=torch.float64))
    optimizer = SGD([w], lr=0.5)
    expected = 0.0
    for t in range(20):
        w.grad = torch.full_like(w, 2.0)
        optimizer.step()
        expected -= 0.5 / math.sqrt(t + 1) * 2.0
        torch.testing.assert_close(w.detach(), torch.full_like(w, expected), rtol=1e-14, atol=0)


def test_parameters_without_gradient_keep_their_value_and_their_t():
    used, unused = Parameter(torch.ones(2)), Parameter(torch.ones(2))
    optimizer = SGD([used, unused], lr=1.0)
    used.grad = torch.ones(2)
    optimizer.step()
    assert torch.equal(unused, torch.ones(2))
    assert unused not in optimizer.state

    unused.grad = torch.ones(2)  # its first update is a full step, the other's second a smaller one
    optimizer.step()
    assert torch.equal(unused, torch.zeros(2))
    torch.testing.assert_close(used.detach(), torch.full((2,), -1 / math.sqrt(2)))


def test_groups_have_their_own_rate():
    a, b = Parameter(torch.zeros(1)), Parameter(torch.zeros(1))
    optimizer = SGD([{"params": [a]}, {"params": [b], "lr": 3.0}], lr=1.0)
    a.grad, b.grad = torch.ones(1), torch.ones(1)
    optimizer.step()
    assert (a.item(), b.item()) == (-1.0, -3.0)


def test_state_survives_json_and_continues_bitwise():
    def step(w, optimizer, i):
        w.grad = torch.full_like(w, 0.1 * i)
        optimizer.step()

    w = Parameter(torch.ones(4))
    optimizer = SGD([w], lr=0.3)
    for i in range(5):
        step(w, optimizer, i)

    w2 = Parameter(w.detach().clone())
    resumed = SGD([w2], lr=99.0)
    saved = json.loads(json.dumps(optimizer.state_dict()))
    saved["state"] = {int(key): value for key, value in saved["state"].items()}  # JSON turns int keys into strings
    resumed.load_state_dict(saved)
    for i in range(5):
        step(w, optimizer, i)
        step(w2, resumed, i)
    assert torch.equal(w, w2)


@pytest.mark.parametrize("lr", [-0.5, math.nan, math.inf])
def test_bad_rates_are_refused(lr):
    with pytest.raises(ValueError, match=f"lr is {lr}, but it must be finite and at least 0"):
        SGD([Parameter(torch.ones(1))], lr=lr)
    with pytest.raises(ValueError, match=f"lr is {lr},"):
        SGD([{"params": [Parameter(torch.ones(1))], "lr": lr}], lr=1.0)
