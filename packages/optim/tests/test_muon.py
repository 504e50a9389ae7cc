"""Muon: against its equations by a singular value decomposition, against torch's, and its AdamW groups."""

import copy
import json
import math
import shutil

import pytest
import torch
from torch.nn import Parameter

from optim import AdamW, Muon, newton_schulz
from optim.muon import shape_factor

needs_a_compiler = pytest.mark.skipif(not any(map(shutil.which, ("c++", "g++", "clang++"))), reason="compiles C++")


def random_tensors(shape, count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator) for _ in range(count)]


def run(optimizer, parameter, gradients):
    for gradient in gradients:
        parameter.grad = gradient.clone()
        optimizer.step()
    return parameter.detach().clone()


def naive_muon(weight, gradients, lr, momentum, weight_decay, nesterov, factor):
    """The equations for one matrix in float64, with the iterations applied to its singular values."""
    weight, buffer = weight.double(), torch.zeros_like(weight, dtype=torch.float64)
    for gradient in gradients:
        g = gradient.double()
        buffer = momentum * buffer + (1 - momentum) * g
        direction = momentum * buffer + (1 - momentum) * g if nesterov else buffer
        u, s, v = torch.linalg.svd(direction, full_matrices=False)
        s = s / direction.norm()
        for _ in range(5):
            s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
        weight = weight - lr * weight_decay * weight - lr * factor * (u @ torch.diag(s) @ v)
    return weight


@pytest.mark.parametrize("nesterov", [True, False])
@pytest.mark.parametrize("scale", ["original", "match_adamw"])
@pytest.mark.parametrize("shape", [(6, 6), (12, 4), (4, 12)])
def test_follows_its_equations(shape, scale, nesterov):
    start, *gradients = random_tensors(shape, 6)
    chosen = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.2, "nesterov": nesterov}
    factor = {"original": math.sqrt(max(1, shape[0] / shape[1])), "match_adamw": 0.2 * math.sqrt(max(shape))}[scale]
    parameter = Parameter(start.clone())
    ours = run(Muon([parameter], scale=scale, precision="float32", **chosen), parameter, gradients)
    torch.testing.assert_close(ours.double(), naive_muon(start, gradients, factor=factor, **chosen), rtol=0, atol=2e-4)


def naive_normuon(weight, gradients, lr, momentum, weight_decay, beta2, factor):
    """As `naive_muon` with Nesterov momentum, row by row, or column by column of a wide matrix."""
    if weight.shape[0] < weight.shape[1]:
        transposed = [gradient.T for gradient in gradients]
        return naive_normuon(weight.T, transposed, lr, momentum, weight_decay, beta2, factor).T
    weight, buffer = weight.double(), torch.zeros_like(weight, dtype=torch.float64)
    moments = [0.0] * len(weight)
    for gradient in gradients:
        g = gradient.double()
        buffer = momentum * buffer + (1 - momentum) * g
        direction = momentum * buffer + (1 - momentum) * g
        u, s, v = torch.linalg.svd(direction, full_matrices=False)
        s = s / direction.norm()
        for _ in range(5):
            s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
        orthogonal = u @ torch.diag(s) @ v
        normalized = torch.zeros_like(orthogonal)
        for number, row in enumerate(orthogonal):
            moments[number] = beta2 * moments[number] + (1 - beta2) * (row**2).mean().item()
            normalized[number] = row / (math.sqrt(moments[number]) + 1e-8)
        normalized *= orthogonal.norm() / normalized.norm()
        weight = weight - lr * weight_decay * weight - lr * factor * normalized
    return weight


every_compiled = pytest.mark.parametrize("implementation", ["auto", pytest.param("compiled", marks=needs_a_compiler)])


@every_compiled
@pytest.mark.parametrize("shape", [(6, 6), (12, 4), (4, 12)])
def test_a_second_moment_follows_its_equations(shape, implementation):
    start, *gradients = random_tensors(shape, 6)
    chosen = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.2}
    parameter = Parameter(start.clone())
    choices = {"second_moment": 0.8, "precision": "float32", "implementation": implementation}
    optimizer = Muon([parameter], **choices, **chosen)
    ours = run(optimizer, parameter, gradients)
    factor = math.sqrt(max(1, shape[0] / shape[1]))
    expected = naive_normuon(start, gradients, beta2=0.8, factor=factor, **chosen)
    torch.testing.assert_close(ours.double(), expected, rtol=0, atol=3e-4)
    assert optimizer.state[parameter]["second_moment"].numel() == max(shape)


def test_a_second_moment_keeps_the_size_of_an_update_and_evens_its_rows():
    generator = torch.Generator().manual_seed(0)
    matrices = [Parameter(torch.zeros(32, 8)), Parameter(torch.zeros(32, 8))]
    gradients = torch.randn(2, 32, 8, generator=generator) * torch.logspace(-2, 0, 32)[:, None]
    updates = []
    for beta2 in (None, 0.9):
        optimizer = Muon(matrices, lr=1.0, precision="float32", second_moment=beta2)
        before = [matrix.detach().clone() for matrix in matrices]
        for matrix, gradient in zip(matrices, gradients, strict=True):
            matrix.grad = gradient.clone()
        optimizer.step()
        updates.append([(matrix.detach() - old) for matrix, old in zip(matrices, before, strict=True)])
    for plain, normalized in zip(*updates, strict=True):
        assert normalized.norm().item() == pytest.approx(plain.norm().item(), rel=1e-4)
        rows = normalized.norm(dim=1)
        assert (rows.max() / rows.min()).item() == pytest.approx(1, rel=1e-3)  # the first moment is that of the update
        assert (plain.norm(dim=1).max() / plain.norm(dim=1).min()).item() > 5


def test_a_gradient_of_zero_stays_zero_with_a_second_moment():
    parameter = Parameter(torch.ones(4, 6))
    end = run(Muon([parameter], lr=0.1, second_moment=0.9), parameter, [torch.zeros(4, 6)] * 2)
    assert torch.equal(end, torch.ones(4, 6))


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="torch.optim.Muon came with torch 2.9")
@pytest.mark.parametrize("nesterov", [True, False])
@pytest.mark.parametrize(("scale", "torchs"), [("original", "original"), ("match_adamw", "match_rms_adamw")])
@pytest.mark.parametrize("shape", [(16, 16), (24, 8), (8, 24)])
def test_agrees_with_torch(shape, scale, torchs, nesterov):
    # torch computes the iterations in bfloat16, with a precision of 8 bits: the updates differ by about one percent.
    start, *gradients = random_tensors(shape, 9)
    ours, other = Parameter(start.clone()), Parameter(start.clone())
    chosen = {"lr": 0.01, "momentum": 0.95, "weight_decay": 0.1, "nesterov": nesterov}
    a = run(Muon([ours], scale=scale, precision="bfloat16", **chosen), ours, gradients)
    b = run(torch.optim.Muon([other], adjust_lr_fn=torchs, **chosen), other, gradients)
    moved = (b - start).norm()
    assert (a - b).norm() < 0.02 * moved


def test_the_factor_of_the_shape():
    assert shape_factor("original", 4, 16) == 1
    assert shape_factor("original", 16, 4) == 2
    assert shape_factor("match_adamw", 4, 100) == pytest.approx(2)


def test_matrices_together_give_the_same_as_each_alone():
    starts = random_tensors((6, 4), 3) + random_tensors((4, 6), 2)
    gradients = random_tensors((6, 4), 3, seed=1) + random_tensors((4, 6), 2, seed=1)
    together = [Parameter(start.clone()) for start in starts]
    optimizer = Muon(together, lr=0.1, precision="float32")
    for parameter, gradient in zip(together, gradients, strict=True):
        parameter.grad = gradient
    optimizer.step()
    for parameter, start, gradient in zip(together, starts, gradients, strict=True):
        alone = Parameter(start.clone())
        expected = run(Muon([alone], lr=0.1, precision="float32"), alone, [gradient])
        torch.testing.assert_close(parameter.detach(), expected)


@needs_a_compiler
@pytest.mark.parametrize("nesterov", [True, False])
def test_compiled_gives_the_same_up_to_rounding(nesterov):
    results = []
    for implementation in ("auto", "compiled"):
        matrices = [Parameter(start) for start in random_tensors((8, 6), 5) + random_tensors((5, 3), 1)]
        choices = {"precision": "float32", "nesterov": nesterov, "implementation": implementation}
        optimizer = Muon(matrices, lr=0.1, weight_decay=0.1, **choices)
        for seed in range(2):
            for matrix in matrices:
                matrix.grad = random_tensors(tuple(matrix.shape), 1, seed)[0]
            optimizer.step()
        results.append(matrices)
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_coefficients_are_passed_to_the_iterations_and_absent_from_older_states():
    ends = {}
    for coefficients in ("jordan", "polar_express"):
        start, gradient = random_tensors((6, 4), 2)
        parameter = Parameter(start.clone())
        optimizer = Muon([parameter], lr=1.0, nesterov=False, precision="float32", coefficients=coefficients)
        ends[coefficients] = run(optimizer, parameter, [gradient])
        step = newton_schulz(gradient, precision="float32", coefficients=coefficients)
        torch.testing.assert_close(start - ends[coefficients], math.sqrt(6 / 4) * step, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(ends["jordan"], ends["polar_express"], atol=1e-2)

    saved = optimizer.state_dict()
    del saved["param_groups"][0]["coefficients"], saved["param_groups"][0]["second_moment"]
    optimizer.load_state_dict(saved)
    run(optimizer, parameter, [gradient])
    assert optimizer.param_groups[0].get("coefficients", "jordan") == "jordan"


def test_large_batches_are_split(monkeypatch):
    results = []
    for at_once in (2**25, 24):  # all five together; one by one
        monkeypatch.setattr("optim.muon._BATCH_NUMEL", at_once)
        params = [Parameter(start) for start in random_tensors((6, 4), 5)]
        for parameter, gradient in zip(params, random_tensors((6, 4), 5, seed=1), strict=True):
            parameter.grad = gradient
        Muon(params, lr=0.1, precision="float32").step()
        results.append(params)
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b)


def mixed(seed=0):
    """A matrix for Muon, and a matrix and a vector for AdamW with their own settings."""
    tensors = [*random_tensors((6, 4), 1, seed), *random_tensors((9, 4), 1, seed), *random_tensors((4,), 1, seed)]
    params = [Parameter(tensor.clone()) for tensor in tensors]
    adamw = {"lr": 0.03, "weight_decay": 0.2, "betas": (0.8, 0.9), "eps": 1e-6}
    return params, adamw


def steps(optimizer, params, seeds):
    for seed in seeds:
        for parameter in params:
            parameter.grad = random_tensors(parameter.shape, 1, seed)[0]
        optimizer.step()


def test_its_adamw_groups_give_the_bits_of_adamw():
    params, adamw = mixed()
    optimizer = Muon([{"params": params[:1]}, {"params": params[1:], "algorithm": "adamw", **adamw}], lr=0.1)
    steps(optimizer, params, range(5))
    alone = mixed()[0][1:]
    steps(AdamW(alone, **adamw), alone, range(5))
    assert all(torch.equal(a, b) for a, b in zip(params[1:], alone, strict=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("through_json", [False, True])
@pytest.mark.parametrize("second_moment", [None, 0.9])
def test_a_resumed_optimizer_continues_bitwise(dtype, through_json, second_moment):
    def make(params, lr):
        groups = [{"params": params[:1]}, {"params": params[1:], "algorithm": "adamw", "lr": lr / 3}]
        return Muon(groups, lr=lr, second_moment=second_moment)

    params = [Parameter(parameter.detach().to(dtype)) for parameter in mixed()[0]]
    optimizer = make(params, 0.1)

    def advance(optimizer, params, seeds):
        for seed in seeds:
            for parameter in params:
                parameter.grad = random_tensors(parameter.shape, 1, seed)[0].to(dtype)
            optimizer.step()

    advance(optimizer, params, range(4))
    saved = copy.deepcopy(optimizer.state_dict())
    if through_json:
        saved["param_groups"] = json.loads(json.dumps(saved["param_groups"]))
    others = [Parameter(parameter.detach().clone()) for parameter in params]
    resumed = make(others, 99.0)  # with other settings, which the saved ones replace
    resumed.load_state_dict(saved)
    advance(optimizer, params, range(4, 8))
    advance(resumed, others, range(4, 8))
    assert all(torch.equal(a, b) for a, b in zip(params, others, strict=True))


def test_the_state():
    params, adamw = mixed()
    optimizer = Muon([{"params": params[:1]}, {"params": params[1:], "algorithm": "adamw", **adamw}])
    steps(optimizer, params, range(3))
    assert list(optimizer.state[params[0]]) == ["momentum_buffer"]
    assert optimizer.state[params[2]]["step"] == 3


def test_it_learns_a_linear_map():
    target = random_tensors((8, 8), 1)[0]
    weight = Parameter(torch.zeros(8, 8))
    optimizer = Muon([weight], lr=0.1)
    losses = []
    for step in range(200):
        optimizer.param_groups[0]["lr"] = 0.1 * (1 - step / 200)
        optimizer.zero_grad()
        loss = ((weight - target) ** 2).mean()
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
    assert losses[-1] < 1e-3 * losses[0]


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"lr": -0.1}, r"lr is -0\.1, but it must be finite and at least 0: try 0\.02"),
        ({"weight_decay": math.nan}, "weight_decay is nan"),
        ({"momentum": 1.0}, r"momentum is 1\.0, but it must be at least 0 and below 1: try 0\.95"),
        ({"scale": "spectral"}, "scale is 'spectral': choose 'original' or 'match_adamw'"),
        ({"steps": 0}, "steps is 0, but it must be at least 1: try 5"),
        ({"coefficients": "chebyshev"}, "coefficients is 'chebyshev': choose one of jordan, polar_express"),
        ({"second_moment": 1.0}, r"second_moment is 1\.0, but it must be at least 0 and below 1: try 0\.95, or None"),
        ({"precision": "half"}, "precision is 'half': choose one of auto, bfloat16, float32"),
        ({"implementation": "fused"}, "implementation is 'fused'"),
    ],
)
def test_bad_settings_are_refused(chosen, message):
    with pytest.raises(ValueError, match=message):
        Muon([Parameter(torch.ones(2, 2))], **chosen)


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ({"params": [Parameter(torch.ones(3))]}, r'shape \(3,\) is not a matrix.* "algorithm": "adamw"'),
        ({"params": Parameter(torch.ones(2, 2, 2))}, r"shape \(2, 2, 2\) is not a matrix"),
        ({"params": [Parameter(torch.ones(3))], "algorithm": "adam"}, "algorithm is 'adam': choose 'muon' or 'adamw'"),
        ({"params": [Parameter(torch.ones(3))], "algorithm": "adamw", "eps": 0.0}, "eps is 0"),
        ({"params": [Parameter(torch.ones(3, 3))], "momentum": -1}, "momentum is -1"),
    ],
)
def test_bad_groups_are_refused(group, message):
    with pytest.raises(ValueError, match=message):
        Muon([group])
    optimizer = Muon(iter([Parameter(torch.ones(2, 2))]))
    with pytest.raises(ValueError, match=message):
        optimizer.add_param_group(group)
    assert len(optimizer.param_groups) == 1
