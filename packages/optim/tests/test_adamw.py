"""AdamW: against its formula on plain numbers, and against torch's."""

import copy
import json
import math

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch.nn import Parameter

from optim import AdamW


def naive_adamw(theta, gradients, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    """The formula for one number, in Python's floats: the parameter after each of the gradients."""
    (beta1, beta2), m, v, path = betas, 0.0, 0.0, []
    for t, g in enumerate(gradients, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        lr_t = lr * math.sqrt(1 - beta2**t) / (1 - beta1**t)
        theta = theta - lr_t * m / (math.sqrt(v) + eps)
        theta = theta - lr * weight_decay * theta
        path.append(theta)
    return path


def run(optimizer, parameter, gradients):
    """One step for each gradient; the parameter after each of them."""
    path = []
    for gradient in gradients:
        parameter.grad = gradient.clone()
        optimizer.step()
        path.append(parameter.detach().clone())
    return path


def random_run(steps=100, shape=(4, 3), dtype=torch.float64):
    """Start values, and gradients of very different sizes: some columns are tiny, some large."""
    generator = torch.Generator().manual_seed(0)
    sizes = torch.logspace(-3, 2, shape[-1], dtype=dtype)
    start = torch.randn(shape, generator=generator, dtype=dtype)
    return start, [torch.randn(shape, generator=generator, dtype=dtype) * sizes for _ in range(steps)]


# --- the formula ---------------------------------------------------------------------------------------------------


@given(
    theta=st.floats(-10, 10),
    gradients=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=20),
    lr=st.floats(0, 1),
    beta1=st.floats(0, 0.99),
    beta2=st.floats(0.5, 0.9999),
    eps=st.floats(1e-8, 1),
    weight_decay=st.floats(0, 1),
)
@settings(deadline=None)
def test_follows_the_formula(theta, gradients, lr, beta1, beta2, eps, weight_decay):
    chosen = {"lr": lr, "betas": (beta1, beta2), "eps": eps, "weight_decay": weight_decay}
    parameter = Parameter(torch.tensor([theta], dtype=torch.float64))
    path = run(AdamW([parameter], **chosen), parameter, [torch.tensor([g], dtype=torch.float64) for g in gradients])
    expected = naive_adamw(theta, gradients, **chosen)
    assert [p.item() for p in path] == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_default_settings_follow_the_formula_over_many_steps():
    start, gradients = random_run(steps=300)
    parameter = Parameter(start.clone())
    end = run(AdamW([parameter]), parameter, gradients)[-1]
    for row, column in [(0, 0), (1, 1), (3, 2)]:
        expected = naive_adamw(start[row, column].item(), [g[row, column].item() for g in gradients])[-1]
        assert end[row, column].item() == pytest.approx(expected, rel=1e-12)


def test_eps_is_added_before_the_bias_correction_and_decay_comes_last():
    # By hand: g = 1, β1 = β2 = ½: m = v = ½, step size 1·√½/½ = √2; with eps = 1: θ = 3 − √2·½/(√½ + 1),
    # and then the decay by 0.1·θ applies to the updated θ.
    parameter = Parameter(torch.tensor([3.0], dtype=torch.float64))
    optimizer = AdamW([parameter], lr=1.0, betas=(0.5, 0.5), eps=1.0, weight_decay=0.1)
    run(optimizer, parameter, [torch.ones(1, dtype=torch.float64)])
    assert parameter.item() == pytest.approx(0.9 * (3 - math.sqrt(0.5) / (math.sqrt(0.5) + 1)), rel=1e-14)


def test_first_step_moves_by_lr_against_the_sign_of_the_gradient():
    parameter = Parameter(torch.zeros(4, dtype=torch.float64))
    gradient = torch.tensor([1e-2, -5.0, 300.0, 0.0], dtype=torch.float64)
    run(AdamW([parameter], lr=0.1, eps=1e-12), parameter, [gradient])
    torch.testing.assert_close(parameter.detach(), -0.1 * gradient.sign() * (1 - 0.1 * 0.01))


# --- against torch -------------------------------------------------------------------------------------------------


def test_equals_torch_where_the_two_formulas_coincide():
    # Without weight decay its order does not matter, and with a tiny eps the place of eps does not matter.
    start, gradients = random_run()
    ours, torchs = Parameter(start.clone()), Parameter(start.clone())
    chosen = {"lr": 3e-2, "betas": (0.9, 0.95), "eps": 1e-30, "weight_decay": 0.0}
    our_path = run(AdamW([ours], **chosen), ours, gradients)
    torch_path = run(torch.optim.AdamW([torchs], **chosen), torchs, gradients)
    for a, b in zip(our_path, torch_path, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-13)


def test_is_close_to_torch_at_the_default_settings():
    # Two differences remain. We add eps to √v, torch to √(v/(1 − β2ᵗ)): at t = 1 our eps counts 1/√0.001 ≈ 32 times
    # as much, 3e-7 against gradients of 1e-3 and more. And we decay θ after the update, torch before: lr²·λ = 1e-8
    # per step. Both are far below the 1e-3 that a step moves.
    start, gradients = random_run()
    ours, torchs = Parameter(start.clone()), Parameter(start.clone())
    our_end = run(AdamW([ours]), ours, gradients)[-1]
    torch_end = run(torch.optim.AdamW([torchs]), torchs, gradients)[-1]
    assert (our_end - start).abs().max() > 1e-2
    torch.testing.assert_close(our_end, torch_end, rtol=0, atol=5e-6)
    assert not torch.equal(our_end, torch_end)


def test_default_settings_are_torchs():
    ours, torchs = AdamW([Parameter(torch.ones(1))]), torch.optim.AdamW([Parameter(torch.ones(1))])
    shared = {name: torchs.defaults[name] for name in ("lr", "betas", "eps", "weight_decay")}
    assert ours.defaults == {**shared, "cautious_weight_decay": False}


# --- which parameters, which settings -------------------------------------------------------------------------------


def test_parameters_without_gradient_are_skipped_and_their_t_stays():
    used, late = Parameter(torch.ones(2)), Parameter(torch.ones(2))
    optimizer = AdamW([used, late], lr=0.1, weight_decay=0.5)
    for _ in range(3):
        used.grad = torch.ones(2)
        optimizer.step()
    assert torch.equal(late, torch.ones(2))  # not decayed either
    assert late not in optimizer.state

    late.grad = torch.ones(2)
    used.grad = None
    optimizer.step()
    assert (optimizer.state[used]["step"], optimizer.state[late]["step"]) == (3, 1)
    expected = naive_adamw(1.0, [1.0], lr=0.1, weight_decay=0.5)[-1]
    torch.testing.assert_close(late.detach(), torch.full((2,), expected))


def test_groups_have_their_own_settings():
    settings_of = [
        {"lr": 0.1, "betas": (0.5, 0.7), "eps": 1e-3, "weight_decay": 0.0},
        {"lr": 0.02, "betas": (0.9, 0.99), "eps": 1e-6, "weight_decay": 0.3},
    ]
    params = [Parameter(torch.tensor([2.0], dtype=torch.float64)) for _ in settings_of]
    optimizer = AdamW([{"params": [p], **s} for p, s in zip(params, settings_of, strict=True)])
    gradients = [0.5, -1.0, 2.0]
    for g in gradients:
        for p in params:
            p.grad = torch.full_like(p, g)
        optimizer.step()
    for p, s in zip(params, settings_of, strict=True):
        assert p.item() == pytest.approx(naive_adamw(2.0, gradients, **s)[-1], rel=1e-13)


def test_a_changed_rate_applies_from_the_next_step():
    parameter = Parameter(torch.tensor([1.0]))
    optimizer = AdamW([parameter], lr=0.1)
    optimizer.param_groups[0]["lr"] = 0.0
    run(optimizer, parameter, [torch.ones(1)])
    assert parameter.item() == 1.0
    assert optimizer.state[parameter]["step"] == 1  # the moments and t advance all the same


def test_works_in_place_and_keeps_the_types():
    parameter = Parameter(torch.ones(3, 2, dtype=torch.bfloat16))
    optimizer = AdamW([parameter], lr=0.1)
    address = parameter.data_ptr()
    gradient = torch.ones(3, 2, dtype=torch.bfloat16)
    run(optimizer, parameter, [gradient])
    m, v = (optimizer.state[parameter][name] for name in ("exp_avg", "exp_avg_sq"))
    addresses = m.data_ptr(), v.data_ptr()
    run(optimizer, parameter, [gradient])
    assert parameter.data_ptr() == address
    state = optimizer.state[parameter]
    assert (state["exp_avg"].data_ptr(), state["exp_avg_sq"].data_ptr()) == addresses
    assert {parameter.dtype, state["exp_avg"].dtype, state["exp_avg_sq"].dtype} == {torch.bfloat16}


# --- saving and resuming --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_resumed_optimizer_continues_bitwise(dtype):
    start, gradients = random_run(steps=40, dtype=torch.float32)
    gradients = [g.to(dtype) for g in gradients]
    parameter = Parameter(start.to(dtype))
    optimizer = AdamW([parameter], lr=3e-2, betas=(0.8, 0.97), eps=1e-7, weight_decay=0.2)
    run(optimizer, parameter, gradients[:20])

    resumed_parameter = Parameter(parameter.detach().clone())
    resumed = AdamW([resumed_parameter])  # with other settings, which the saved ones replace
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    straight = run(optimizer, parameter, gradients[20:])
    again = run(resumed, resumed_parameter, gradients[20:])
    assert all(torch.equal(a, b) for a, b in zip(straight, again, strict=True))
    assert resumed.state[resumed_parameter]["step"] == 40


def test_state_is_a_python_int_and_two_tensors():
    parameter = Parameter(torch.ones(2, 3))
    optimizer = AdamW([parameter])
    run(optimizer, parameter, [torch.ones(2, 3)] * 4)
    (state,) = optimizer.state_dict()["state"].values()
    assert sorted(state) == ["exp_avg", "exp_avg_sq", "step"]
    assert json.loads(json.dumps(state["step"])) == 4
    assert state["exp_avg"].shape == state["exp_avg_sq"].shape == (2, 3)


def test_a_state_in_its_saved_form_is_continued():
    parameter = Parameter(torch.tensor([1.0], dtype=torch.float64))
    optimizer = AdamW([parameter])
    m, v = torch.tensor([0.3], dtype=torch.float64), torch.tensor([0.2], dtype=torch.float64)
    group = {"lr": 0.1, "betas": (0.9, 0.99), "eps": 1e-8, "weight_decay": 0.5, "params": [0]}
    state = {"step": 6, "exp_avg": m, "exp_avg_sq": v}
    optimizer.load_state_dict({"state": {0: copy.deepcopy(state)}, "param_groups": [group]})
    run(optimizer, parameter, [torch.ones(1, dtype=torch.float64)])

    m, v = 0.9 * 0.3 + 0.1, 0.99 * 0.2 + 0.01
    theta = 1 - 0.1 * math.sqrt(1 - 0.99**7) / (1 - 0.9**7) * m / (math.sqrt(v) + 1e-8)
    assert parameter.item() == pytest.approx(theta - 0.1 * 0.5 * theta, rel=1e-12)
    assert optimizer.state[parameter]["step"] == 7


def test_groups_survive_json():
    # JSON turns the pair of betas into a list, which the optimizer must accept too.
    start, gradients = random_run(steps=4)
    parameter, other = Parameter(start.clone()), Parameter(start.clone())
    optimizer, loaded = AdamW([parameter], betas=(0.5, 0.6)), AdamW([other])
    groups = json.loads(json.dumps(optimizer.state_dict()["param_groups"]))
    loaded.load_state_dict({"state": {}, "param_groups": groups})
    assert torch.equal(run(optimizer, parameter, gradients)[-1], run(loaded, other, gradients)[-1])


# --- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"lr": -0.1}, r"lr is -0\.1, but it must be finite and at least 0: try 1e-3"),
        ({"lr": math.nan}, r"lr is nan, but"),
        ({"lr": math.inf}, r"lr is inf, but"),
        ({"weight_decay": -0.2}, r"weight_decay is -0\.2, but it must be finite and at least 0: try 0\.01"),
        ({"betas": (1.0, 0.999)}, r"betas is \(1\.0, 0\.999\), but it must be two numbers of at least 0 and below 1"),
        ({"betas": (0.9, -0.1)}, r"betas is \(0\.9, -0\.1\)"),
        ({"betas": (0.9, math.nan)}, r"betas is \(0\.9, nan\)"),
        ({"betas": (0.9,)}, r"betas is \(0\.9,\)"),
        ({"eps": -1e-8}, r"eps is -1e-08, but it must be finite and at least 0"),
        ({"eps": 0.0}, r"eps is 0, but it must be more than 0"),
    ],
)
def test_bad_settings_are_refused(chosen, message):
    with pytest.raises(ValueError, match=message):
        AdamW([Parameter(torch.ones(1))], **chosen)
    with pytest.raises(ValueError, match=message):
        AdamW([{"params": [Parameter(torch.ones(1))], **chosen}])
    optimizer = AdamW([Parameter(torch.ones(1))])
    with pytest.raises(ValueError, match=message):
        optimizer.add_param_group({"params": [Parameter(torch.ones(1))], **chosen})
    assert len(optimizer.param_groups) == 1
