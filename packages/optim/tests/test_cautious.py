"""Cautious weight decay, element by element in Python, in every implementation."""

import math
import shutil

import pytest
import torch
from torch.nn import Parameter

from optim import AdamW, Muon, newton_schulz

needs_a_compiler = pytest.mark.skipif(not any(map(shutil.which, ("c++", "g++", "clang++"))), reason="compiles C++")
COMPILED = pytest.param("compiled", marks=needs_a_compiler)
LR, DECAY = 0.1, 0.5


def random_tensors(shape, count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator) for _ in range(count)]


def run(optimizer, parameter, gradients):
    for gradient in gradients:
        parameter.grad = gradient.clone()
        optimizer.step()
    return parameter.detach()


def naive_adamw(weights, gradients, betas=(0.9, 0.999), eps=1e-8):
    """Number by number; what decays is decided by the weight just updated."""
    results = []
    for number, weight in enumerate(weights):
        m = v = 0.0
        for t, gradient in enumerate(gradients, start=1):
            g = gradient[number]
            m = betas[0] * m + (1 - betas[0]) * g
            v = betas[1] * v + (1 - betas[1]) * g * g
            weight -= LR * math.sqrt(1 - betas[1] ** t) / (1 - betas[0] ** t) * m / (math.sqrt(v) + eps)
            if m * weight >= 0:
                weight -= LR * DECAY * weight
        results.append(weight)
    return results


@pytest.mark.parametrize("implementation", ["loop", "foreach", COMPILED])
def test_adamw(implementation):
    start, *gradients = random_tensors(32, 6)
    parameter = Parameter(start.clone())
    chosen = {"lr": LR, "weight_decay": DECAY, "implementation": implementation}
    ours = run(AdamW([parameter], cautious_weight_decay=True, **chosen), parameter, gradients)
    expected = naive_adamw(start.tolist(), [gradient.tolist() for gradient in gradients])
    torch.testing.assert_close(ours, torch.tensor(expected), rtol=1e-4, atol=1e-5)
    other = Parameter(start.clone())
    assert not torch.allclose(ours, run(AdamW([other], **chosen), other, gradients), atol=1e-2)


def test_loop_and_foreach_give_the_same_bits():
    start, *gradients = random_tensors((9, 5), 6)
    ends = []
    for implementation in ("loop", "foreach"):
        parameter = Parameter(start.clone())
        chosen = {"lr": LR, "weight_decay": DECAY, "implementation": implementation}
        ends.append(run(AdamW([parameter], cautious_weight_decay=True, **chosen), parameter, gradients))
    assert torch.equal(*ends)


@pytest.mark.parametrize("implementation", ["auto", COMPILED])
def test_muon(implementation):
    start, *gradients = random_tensors((8, 6), 4)
    parameter = Parameter(start.clone())
    chosen = {"lr": LR, "weight_decay": DECAY, "precision": "float32", "implementation": implementation}
    ours = run(Muon([parameter], momentum=0.8, cautious_weight_decay=True, **chosen), parameter, gradients)
    weights, buffer = start.clone(), torch.zeros(8, 6)
    for gradient in gradients:
        buffer = 0.8 * buffer + 0.2 * gradient
        update = newton_schulz(0.8 * buffer + 0.2 * gradient, precision="float32")
        for row in range(8):
            for column in range(6):
                weight = weights[row, column].item()
                decays = update[row, column].item() * weight >= 0
                weight -= LR * DECAY * weight if decays else 0
                weights[row, column] = weight - LR * math.sqrt(8 / 6) * update[row, column].item()
    torch.testing.assert_close(ours, weights, rtol=1e-4, atol=1e-5)


def test_weights_that_do_not_move_decay_fully():
    parameter = Parameter(torch.ones(4))
    assert run(AdamW([parameter], lr=LR, weight_decay=DECAY, cautious_weight_decay=True), parameter, [torch.zeros(4)])[
        0
    ] == pytest.approx(1 - LR * DECAY)


@pytest.mark.parametrize("make", [AdamW, Muon])
def test_states_of_earlier_versions_load(make):
    parameter = Parameter(torch.ones(4, 4))
    optimizer = make([parameter], lr=LR, weight_decay=DECAY)
    saved = optimizer.state_dict()
    del saved["param_groups"][0]["cautious_weight_decay"]
    optimizer.load_state_dict(saved)
    run(optimizer, parameter, [torch.ones(4, 4)])
    assert parameter[0, 0] < 1
