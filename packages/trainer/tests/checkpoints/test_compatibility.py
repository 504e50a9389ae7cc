"""Checkpoints that do not fit the model or the optimizer, or contain NaN."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from optim import SGD, AdamW, Muon
from trainer import CheckpointError, load_checkpoint, save_checkpoint
from trainer.checkpoints.compatibility import _state_names
from trainer.checkpoints.state_tree import tensor_names

from .pairs import NAMES, build, load_or_refuse, trained


def spoil_tensors(path, name, change):
    tensors = load_file(path / name)
    change(tensors)
    save_file(tensors, path / name)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            NAMES[0],
            lambda t: t.update(weight=torch.ones(2, 4)),
            r"weight is float32\[2, 4\] in the .* and float32\[2, 3\]",
        ),
        (
            NAMES[0],
            lambda t: t.update(weight=t["weight"].double()),
            r"weight is float64\[2, 3\] in the .* float32",
        ),
        (NAMES[0], lambda t: t.pop("bias"), "the tensor 'bias' is missing"),
        (NAMES[0], lambda t: t.update(more=torch.ones(1)), "contains a tensor 'more' to which"),
        (NAMES[0], lambda t: t["weight"].fill_(torch.nan), "contains 6 NaN or infinite values in weight"),
        (NAMES[0], lambda t: t["bias"][0].fill_(-torch.inf), "contains 1 NaN or infinite values in bias"),
        (
            NAMES[1],
            lambda t: t.update({"state.0.exp_avg": torch.ones(3)}),
            r"exp_avg of parameter 0 is float32\[3\], and the parameter is float32\[2, 3\]",
        ),
        (
            NAMES[1],
            lambda t: t.update({"state.1.exp_avg_sq": torch.ones(2, dtype=torch.int32)}),
            r"exp_avg_sq of parameter 1 is int32\[2\], and the parameter is float32\[2\]",
        ),
        (NAMES[1], lambda t: t["state.0.exp_avg"][0, 0].fill_(torch.nan), "1 NaN .* in exp_avg of parameter 0"),
    ],
)
def test_tensors_that_do_not_fit_are_named(saved, rewrite, name, change, message):
    spoil_tensors(saved, name, change)
    rewrite(saved)
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(saved, *build())
    assert load_or_refuse(saved) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda kept: kept.update(step="3"), "step of parameter 0 is str, not a number of steps"),
        (lambda kept: kept.update(step=-1), "step of parameter 0 is int, not a number of steps"),
        (lambda kept: kept.pop("step"), r"state of parameter 0 has missing or unexpected entries \(step\)"),
        (lambda kept: kept.update(more=1), r"state of parameter 0 has missing or unexpected entries \(more\)"),
        (lambda kept: kept.update(exp_avg=1.0, exp_avg_2=kept["exp_avg"]), "missing or unexpected entries"),
    ],
)
def test_state_of_the_optimizer_that_does_not_fit_is_named(saved, rewrite, change, message):
    rewrite(saved, lambda state: change(state["optimizer"]["state"]["$dict"][0][1]))
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(saved, *build())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda optimizer: optimizer["param_groups"][0].update(lr="high"),
            "its setting lr is 'high', and that of",
        ),
        (lambda optimizer: optimizer["param_groups"][0].update(betas=[0.9]), "its setting betas is"),
        (lambda optimizer: optimizer["param_groups"][0].update(params=[0]), "its parameter groups differ"),
        (
            lambda optimizer: optimizer["state"]["$dict"][1].__setitem__(0, 7),
            "state of parameters that the optimizer",
        ),
        (
            lambda optimizer: optimizer["state"]["$dict"][1].__setitem__(0, 1.0),
            "state of parameters that the optimizer",
        ),
        (lambda optimizer: optimizer.pop("state"), "does not refer"),
    ],
)
def test_settings_of_the_optimizer_that_do_not_fit_are_named(saved, rewrite, change, message):
    rewrite(saved, lambda state: change(state["optimizer"]))
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(saved, *build())


def some_muon(model, second_moment=None):
    groups = [{"params": [model.weight]}, {"params": [model.bias], "algorithm": "adamw"}]
    return Muon(groups, lr=0.1, second_moment=second_moment)


def some_normuon(model):
    return some_muon(model, second_moment=0.9)


@pytest.mark.parametrize(
    "make", [lambda m: AdamW(m.parameters()), lambda m: SGD(m.parameters(), lr=0.1), some_muon, some_normuon]
)
def test_the_state_of_our_optimizers_has_the_known_names(make):
    model = torch.nn.Linear(3, 2)
    optimizer = make(model)
    trained(model, optimizer)
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            assert optimizer.state[parameter].keys() == _state_names(optimizer, group)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda kept: kept[0][1].pop("momentum_buffer"),
            r"of parameter 0 has missing or unexpected entries \(momentum_buffer\)",
        ),
        (lambda kept: kept[0][1].update(momentum_buffer=1.0), "momentum_buffer of parameter 0 is float"),
        (lambda kept: kept[0].__setitem__(1, kept[1][1]), "state of parameter 0 has missing or unexpected entries"),
        (lambda kept: kept[1][1].pop("step"), r"state of parameter 1 has missing or unexpected entries \(step\)"),
    ],
)
def test_state_of_muon_that_does_not_fit_is_named(tmp_path, rewrite, change, message):
    model = torch.nn.Linear(3, 2)
    path = tmp_path / "step"
    save_checkpoint(*trained(model, some_muon(model)), 5, path)
    spoilt = json.loads((path / "state.json").read_text())["optimizer"]
    change(spoilt["state"]["$dict"])
    tensors = load_file(path / "optimizer.safetensors")
    save_file({name: tensors[name] for name in tensor_names(spoilt)}, path / "optimizer.safetensors")
    rewrite(path, lambda state: state.update(optimizer=spoilt))
    other = torch.nn.Linear(3, 2)
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(path, other, some_muon(other))


def test_a_second_moment_of_another_shape_is_named(tmp_path, rewrite):
    model = torch.nn.Linear(3, 2)
    path = tmp_path / "step"
    save_checkpoint(*trained(model, some_normuon(model)), 5, path)
    load_checkpoint(path, model, some_normuon(model))
    tensors = load_file(path / "optimizer.safetensors")
    (name,) = [name for name in tensors if "second_moment" in name]
    save_file({**tensors, name: torch.zeros(1, 3)}, path / "optimizer.safetensors")
    rewrite(path, lambda state: state.update())
    with pytest.raises(CheckpointError, match=r"second_moment of parameter 0 is float32\[1, 3\], and the parameter is"):
        load_checkpoint(path, model, some_normuon(model))
    with pytest.raises(CheckpointError, match=r"parameter 0 has missing or unexpected entries \(second_moment\)"):
        load_checkpoint(path, model, some_muon(model))


def test_two_different_tensors_are_not_loaded_into_a_tied_one(tmp_path):
    def layers(tied):
        model = torch.nn.Sequential(torch.nn.Linear(2, 2, bias=False), torch.nn.Linear(2, 2, bias=False))
        if tied:
            model[1].weight = model[0].weight
        return model

    save_checkpoint(layers(tied=False), None, 1, tmp_path / "two")
    save_checkpoint(layers(tied=True), None, 1, tmp_path / "one")
    with pytest.raises(CheckpointError, match=r"0\.weight and 1\.weight are tied in the model, but differ"):
        load_checkpoint(tmp_path / "two", layers(tied=True))
    for tied in (False, True):
        load_checkpoint(tmp_path / "one", layers(tied))


def test_nan_is_loaded_if_finite_is_false(tmp_path):
    model, optimizer = trained(*build())
    model.weight.data[0, 0] = torch.nan
    save_checkpoint(model, optimizer, 1, tmp_path / "step")
    other, other_optimizer = build()
    load_checkpoint(tmp_path / "step", other, other_optimizer, finite=False)
    assert other.weight.isnan().sum() == 1


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.complex64, torch.float8_e5m2])
def test_large_values_are_not_taken_for_infinity(tmp_path, dtype):
    """Although their sum is infinite."""
    model = torch.nn.Module()
    model.weight = torch.nn.Parameter(torch.full((9,), 2.0**15).to(dtype), requires_grad=False)
    if not model.weight.is_complex() and dtype.itemsize > 1:
        model.weight.fill_(torch.finfo(dtype).max)
    save_checkpoint(model, None, 1, tmp_path / "step")
    assert load_checkpoint(tmp_path / "step", model) == 1


def test_buffers_may_contain_infinity(tmp_path):
    model = torch.nn.Linear(1, 1)
    model.register_buffer("mask", torch.tensor([0.0, -torch.inf]))
    save_checkpoint(model, None, 1, tmp_path / "step")
    assert load_checkpoint(tmp_path / "step", model) == 1
