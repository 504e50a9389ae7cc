"""Weight decay is θ − lr·λ·θ up to the last rounding, in every implementation, against float64."""

import shutil

import pytest
import torch
from torch.nn import Parameter

from optim import AdamW, Muon

needs_a_compiler = pytest.mark.skipif(not any(map(shutil.which, ("c++", "g++", "clang++"))), reason="compiles C++")
MAKERS = {
    "loop": lambda params, **chosen: AdamW(params, implementation="loop", **chosen),
    "foreach": lambda params, **chosen: AdamW(params, implementation="foreach", **chosen),
    "compiled": lambda params, **chosen: AdamW(params, implementation="compiled", **chosen),
    "muon": lambda params, **chosen: Muon(params, precision="float32", **chosen),
}
every_implementation = pytest.mark.parametrize(
    "make",
    [pytest.param(make, id=name, marks=[needs_a_compiler] * (name == "compiled")) for name, make in MAKERS.items()],
)


def decay_only(make, dtype, lr, weight_decay):
    """Weights before and after a step with gradients of 0, which only decays them."""
    before = torch.randn(100, 100, generator=torch.Generator().manual_seed(0)).to(dtype)
    parameter = Parameter(before.clone())
    parameter.grad = torch.zeros_like(parameter)
    make([parameter], lr=lr, weight_decay=weight_decay).step()
    return before.double(), parameter.detach()


def spacing(tensor):
    """The distance of each number to the next larger one of its type."""
    size = tensor.abs()
    return (torch.nextafter(size, torch.full_like(size, torch.inf)) - size).double()


@pytest.mark.parametrize("decay", [1e-2, 1e-5, 1e-7])
@every_implementation
def test_each_weight_is_correctly_rounded(make, decay):
    before, after = decay_only(make, torch.float32, lr=1e-3, weight_decay=decay / 1e-3)
    error = (after.double() - (before - decay * before)).abs()
    assert (error <= 0.51 * spacing(after)).all()


@every_implementation
def test_the_decay_of_all_weights_has_a_small_relative_error(make):
    # A factor of 1 − 1e-5, rounded to float32, decays by 1.4e-3 too much.
    before, after = decay_only(make, torch.float32, lr=1e-3, weight_decay=1e-2)
    decay = (before.abs() - after.double().abs()).sum() / before.abs().sum()
    assert decay.item() == pytest.approx(1e-5, rel=2e-4)


@pytest.mark.parametrize("decay", [1e-2, 1e-5])
@every_implementation
def test_bfloat16_weights_decay_if_the_change_is_large_enough_for_the_type(make, decay):
    before, after = decay_only(make, torch.bfloat16, lr=1e-3, weight_decay=decay / 1e-3)
    error = (after.double() - (before - decay * before)).abs()
    assert (error <= 0.51 * spacing(after)).all()
    assert (after.double() == before).all() == (decay == 1e-5)  # less than half a unit in the last place: no change


@pytest.mark.parametrize("implementation", ["loop", "foreach"])
def test_a_thousand_steps_stay_close_to_float64(implementation):
    # With a rounded factor the weights are 6e-6 away after these steps.
    paths = []
    for dtype in (torch.float64, torch.float32):
        generator = torch.Generator().manual_seed(0)
        parameter = Parameter(torch.rand(20, generator=generator).to(dtype) / 2)
        optimizer = AdamW([parameter], lr=1e-3, weight_decay=1e-2, implementation=implementation)
        for _ in range(1000):
            parameter.grad = torch.randn(20, generator=generator).to(dtype)
            optimizer.step()
        paths.append(parameter.detach().double())
    assert (paths[0] - paths[1]).abs().max() < 1e-6
