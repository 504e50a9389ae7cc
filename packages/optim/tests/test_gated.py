"""Steps that a tensor calls off: no bit changes where it is false, none differs where it is true, and nobody waits."""

import copy
import math
import shutil

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch.nn import Parameter
from torch.utils._python_dispatch import TorchDispatchMode

import optim._gated
from optim import SGD, AdamW, Muon

SHAPES = [(6, 4), (3, 5), (4, 6), (7,), (), (0,)]
BAD = [math.nan, math.inf, -math.inf]


def adamw(params, implementation):
    groups = [{"params": params[:3]}, {"params": params[3:], "lr": 0.3, "weight_decay": 0.0, "betas": (0.5, 0.6)}]
    return AdamW(groups, lr=0.02, weight_decay=0.1, implementation=implementation)


def muon(params, **chosen):
    groups = [{"params": params[:2]}, {"params": params[2:], "algorithm": "adamw", "lr": 0.03}]
    return Muon(groups, lr=0.1, precision="float32", **chosen)


MAKERS = {
    "adamw-loop": lambda params: adamw(params, "loop"),
    "adamw-foreach": lambda params: adamw(params, "foreach"),
    "muon": lambda params: muon(params, weight_decay=0.2),
    "muon-plain": lambda params: muon(params, nesterov=False, momentum=0.3),
    "sgd": lambda params: SGD([{"params": params[:2]}, {"params": params[2:], "lr": 0.0}], lr=0.1),
}
every_optimizer = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
every_type = pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])


def some_params(dtype=torch.float32):
    """Random numbers, zeros of both signs among them."""
    generator = torch.Generator().manual_seed(1)
    params = [Parameter(torch.randn(shape, generator=generator).to(dtype)) for shape in SHAPES]
    for parameter in params[:4]:
        parameter.data.view(-1)[:4] = torch.tensor([0.0, -0.0, -0.0, 1e-40])
    return params


def give_gradients(params, seed, value=None, without=()):
    """Random gradients, with a bad value here and there; None to those that are to have none."""
    generator = torch.Generator().manual_seed(seed)
    for i, parameter in enumerate(params):
        gradient = torch.randn(parameter.shape, generator=generator).to(parameter.dtype)
        if value is not None and i % 2 == seed % 2:  # the others stay finite, and must be left out all the same
            gradient[gradient > 0] = value
        parameter.grad = None if i in without else gradient


def bits(tensor):
    kinds = {2: torch.int16, 4: torch.int32, 8: torch.int64}
    return tensor.detach().clone().view(kinds[tensor.dtype.itemsize])


def snapshot(params, optimizer):
    """All numbers of parameters and state, tensors by their bits, in a form that == compares."""
    state = {
        i: {name: bits(value).tolist() if isinstance(value, torch.Tensor) else value for name, value in own.items()}
        for i, own in optimizer.state_dict()["state"].items()
    }
    return [bits(parameter).tolist() for parameter in params], state, optimizer.state_dict()["param_groups"]


class NeverFetch(TorchDispatchMode):
    """Fails where the processor would wait for a value of the accelerator."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        fetching = ("aten::_local_scalar_dense", "aten::is_nonzero", "aten::equal", "aten::item", "aten::nonzero")
        if func._schema.name in fetching:
            raise AssertionError(f"{func} fetches a value")
        return func(*args, **(kwargs or {}))


# --- where it is true -----------------------------------------------------------------------------------------------


@every_type
@every_optimizer
def test_a_true_flag_changes_no_bit(make, dtype):
    results = []
    for flag in (None, torch.tensor(True)):
        params = some_params(dtype)
        optimizer = make(params)
        for step in range(4):
            give_gradients(params, step, without=[(1, 4), (), (3,), ()][step])
            optimizer.step(only_if=flag)
        results.append(snapshot(params, optimizer))
    assert results[0] == results[1]


@every_optimizer
def test_a_true_flag_lets_bad_gradients_through(make):
    params = some_params()
    give_gradients(params, 0, math.nan)
    make(params).step(only_if=torch.tensor(True))
    assert params[0].isnan().any()


# --- where it is false ----------------------------------------------------------------------------------------------


def leave_out_steps(make, dtype, value):
    """Two good steps, then three that are left out; what there was before and after those."""
    params = some_params(dtype)
    optimizer = make(params)
    for seed in (0, 1):
        give_gradients(params, seed, without=(2,))
        optimizer.step()
    states = [value for own in optimizer.state.values() for value in own.values() if isinstance(value, torch.Tensor)]
    for tensor in [*params, *states]:  # −0, which adding 0 would make +0
        tensor.data.view(-1)[:4] = -0.0
    before = snapshot(params, optimizer)
    for seed in (2, 3, 4):
        give_gradients(params, seed, value, without=(2,))
        optimizer.step(only_if=torch.tensor(False))
        optimizer.retract_step()
    return before, snapshot(params, optimizer)


@pytest.mark.parametrize("value", [*BAD, None])
@every_type
@every_optimizer
def test_a_false_flag_leaves_every_bit(make, dtype, value):
    before, after = leave_out_steps(make, dtype, value)
    assert before == after


@every_optimizer
@pytest.mark.parametrize("value", [math.nan, None])  # None: for the sake of −0 alone
def test_arithmetic_in_place_of_a_choice_would_be_noticed(make, value, monkeypatch):
    def blend(only_if, updated, tensors):
        for new, tensor in zip(updated, tensors, strict=True):
            tensor.add_((new - tensor) * only_if)

    for module in (optim._gated, optim.adamw_updates, optim.muon, optim.sgd):
        monkeypatch.setattr(module, "keep_where", blend, raising=False)
    before, after = leave_out_steps(make, torch.float32, value)
    assert before != after


@every_optimizer
def test_counts_advance_until_they_are_taken_back(make):
    params = some_params()
    optimizer = make(params)
    give_gradients(params, 0, without=(5,))
    optimizer.step()
    give_gradients(params, 1, without=(4,))
    optimizer.step(only_if=torch.tensor(False))
    assert [optimizer.state[params[i]]["step"] for i in (3, 4, 5)] == [2, 1, 1]
    optimizer.retract_step()
    assert [optimizer.state[params[i]]["step"] for i in (3, 4, 5)] == [1, 1, 0]


@every_optimizer
def test_a_first_step_left_out_is_as_none(make):
    params, fresh_params, loaded_params = some_params(), some_params(), some_params()
    optimizer, fresh, loaded = make(params), make(fresh_params), make(loaded_params)
    give_gradients(params, 0, math.nan)
    optimizer.step(only_if=torch.tensor(False))
    optimizer.retract_step()
    for own in optimizer.state.values():
        assert all(not value.any() if isinstance(value, torch.Tensor) else value == 0 for value in own.values())

    loaded.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    snapshots = []
    for each, its_params in ((optimizer, params), (fresh, fresh_params), (loaded, loaded_params)):
        for seed in range(3):
            give_gradients(its_params, seed)
            each.step()
        snapshots.append(snapshot(its_params, each))
    assert snapshots[0] == snapshots[1] == snapshots[2]


def run_with_flags(make, flags, gated):
    """The steps of a run; without gates, those of false flags are not called at all."""
    params = some_params()
    optimizer = make(params)
    give_gradients(params, 99)
    optimizer.step()
    for seed, good in enumerate(flags):
        give_gradients(params, seed, None if good else BAD[seed % 3])
        if gated:
            optimizer.step(only_if=torch.tensor(good))
            if not good:
                optimizer.retract_step()
        elif good:
            optimizer.step()
    return snapshot(params, optimizer)


@every_optimizer
@given(flags=st.lists(st.booleans(), max_size=8))
@settings(deadline=None, max_examples=15)
def test_a_run_is_as_if_the_bad_steps_had_not_been(make, flags):
    assert run_with_flags(make, flags, gated=True) == run_with_flags(make, flags, gated=False)


@pytest.mark.skipif(not any(map(shutil.which, ("c++", "g++", "clang++"))), reason="compiles C++")
def test_a_compiled_run_is_as_if_the_bad_steps_had_not_been():
    def make(params):
        return AdamW(params[:5], lr=0.02, weight_decay=0.1, implementation="compiled")

    flags = [False, True, False, False, True, True]
    assert run_with_flags(make, flags, gated=True) == run_with_flags(make, flags, gated=False)


# --- what else a step must not do -----------------------------------------------------------------------------------


@pytest.mark.parametrize("flag", [True, False])
@every_optimizer
def test_no_value_is_fetched(make, flag):
    params = some_params()
    optimizer = make(params)
    flag = torch.tensor(flag)
    for seed in (0, 1):
        give_gradients(params, seed, math.nan)
        with NeverFetch():
            optimizer.step(only_if=flag)
            optimizer.retract_step()


def test_a_fetched_value_would_be_noticed():
    flag = torch.tensor(True)
    for fetch in (bool, torch.Tensor.item, lambda tensor: torch.equal(tensor, tensor)):
        with pytest.raises(AssertionError, match="fetches a value"), NeverFetch():
            fetch(flag)


@pytest.mark.parametrize("flag", [True, False])
@every_optimizer
def test_gradients_are_left_as_they_are(make, flag):
    params = some_params()
    give_gradients(params, 0, math.inf)
    before = [bits(parameter.grad).tolist() for parameter in params]
    make(params).step(only_if=torch.tensor(flag))
    assert [bits(parameter.grad).tolist() for parameter in params] == before


@every_optimizer
def test_a_closure_may_fill_the_flag(make):
    params = some_params()
    optimizer = make(params)
    flag = torch.tensor(True)

    def closure():
        give_gradients(params, 0, math.nan)
        flag.copy_(params[0].grad.isfinite().all())
        return 1.5

    before = [bits(parameter).tolist() for parameter in params]
    assert optimizer.step(closure, only_if=flag) == 1.5
    assert [bits(parameter).tolist() for parameter in params] == before


# --- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        (True, "only_if is True, but it must be a boolean tensor without dimensions: try torch.isfinite"),
        (torch.tensor(1.0), r"only_if is torch\.float32 of shape \(\), but"),
        (torch.tensor([True]), r"only_if is torch\.bool of shape \(1,\), but"),
        (torch.ones((), dtype=torch.bool, device="meta"), "only_if is on meta, but a parameter is on cpu"),
    ],
)
@every_optimizer
def test_bad_flags_are_refused_before_anything_changes(make, flag, message):
    params = some_params()
    optimizer = make(params)
    give_gradients(params, 0)
    before = snapshot(params, optimizer)
    with pytest.raises(ValueError, match=message):
        optimizer.step(only_if=flag)
    assert snapshot(params, optimizer) == before


def steps_twice_back(optimizer):
    optimizer.step(only_if=torch.tensor(False))
    optimizer.retract_step()
    return optimizer


def steps_plainly(optimizer):
    optimizer.step(only_if=torch.tensor(False))
    optimizer.step()
    return optimizer


def is_loaded(optimizer):
    optimizer.step(only_if=torch.tensor(False))
    optimizer.load_state_dict(optimizer.state_dict())
    return optimizer


def is_copied(optimizer):
    optimizer.step(only_if=torch.tensor(False))
    return copy.deepcopy(optimizer)


@pytest.mark.parametrize("before", [lambda optimizer: optimizer, steps_twice_back, steps_plainly, is_loaded, is_copied])
@every_optimizer
def test_there_must_be_a_step_to_take_back(make, before):
    params = some_params()
    optimizer = make(params)
    give_gradients(params, 0)
    optimizer = before(optimizer)
    state = copy.deepcopy(optimizer.state_dict()["state"])
    with pytest.raises(ValueError, match="there is no step to take back"):
        optimizer.retract_step()
    assert str(optimizer.state_dict()["state"]) == str(state)
