"""Filling a model and an optimizer from a checkpoint."""

import copy
import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from optim import AdamW
from trainer import CheckpointError, load_checkpoint, save_checkpoint
from trainer.checkpoints import open_checkpoint
from trainer.checkpoints.state_tree import flatten

from .pairs import build, same, trained


class Counter(torch.nn.Module):
    """A module with extra state, which only it can check."""

    def __init__(self, kind):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(2))
        self.kind = kind

    def get_extra_state(self):
        return {"kind": self.kind}

    def set_extra_state(self, state):
        if state["kind"] != self.kind:
            raise ValueError(f"kind is {state['kind']}, not {self.kind}")


def optimizer_of(module, **settings):
    optimizer = AdamW(module.parameters(), **settings)
    module.weight.sum().backward()
    optimizer.step()
    return optimizer


def test_extra_state_that_does_not_fit_changes_neither_the_model_nor_the_optimizer(tmp_path):
    saved = Counter("a")
    save_checkpoint(saved, optimizer_of(saved), 1, tmp_path / "step")
    model = Counter("b")
    optimizer = optimizer_of(model, lr=0.5)
    before = copy.deepcopy((model.state_dict(), optimizer.state_dict()))
    with pytest.raises(CheckpointError, match="does not fit the model: kind is a, not b"):
        open_checkpoint(tmp_path / "step").restore(model, optimizer)
    assert torch.equal(model.weight, before[0]["weight"])
    torch.testing.assert_close(optimizer.state_dict(), before[1], rtol=0, atol=0)


@pytest.mark.parametrize(("keep_settings", "rate"), [(True, 0.5), (False, 0.25)])
def test_settings_of_the_optimizer_are_restored_or_kept(tmp_path, keep_settings, rate):
    saved = torch.nn.Linear(2, 2, bias=False)
    saved_optimizer = optimizer_of(saved, lr=0.25)
    save_checkpoint(saved, saved_optimizer, 7, tmp_path / "step")
    model = torch.nn.Linear(2, 2, bias=False)
    optimizer = AdamW(model.parameters(), lr=0.5)
    progress = open_checkpoint(tmp_path / "step").restore(model, optimizer, keep_settings=keep_settings)
    assert progress.step == 7
    assert torch.equal(model.weight, saved.weight)
    assert optimizer.param_groups[0]["lr"] == rate
    torch.testing.assert_close(optimizer.state_dict()["state"], saved_optimizer.state_dict()["state"], rtol=0, atol=0)


def test_format_1_can_be_read(tmp_path):
    """The first version had no hashes, and called the step `iteration`."""
    model, optimizer = trained(*build())
    path = tmp_path / "step"
    path.mkdir()
    trees = {}
    for name, part in (("model", model), ("optimizer", optimizer)):
        trees[name], tensors = flatten(part.state_dict())
        save_file(tensors, path / f"{name}.safetensors")
    state = {"format": 1, "iteration": 9, "optimizer_class": "AdamW", **trees}
    (path / "state.json").write_text(json.dumps(state) + "\n")
    other = build()
    assert load_checkpoint(path, *other) == 9
    assert same(other, (model, optimizer))
    (path / "model.safetensors").write_bytes((path / "model.safetensors").read_bytes()[:-1])
    with pytest.raises(CheckpointError, match=r"model\.safetensors is truncated or damaged"):
        open_checkpoint(path)


def test_wrapped_and_unwrapped_models_load_each_other(tmp_path):
    model, _ = build()
    wrapped = torch.nn.DataParallel(torch.compile(model))
    save_checkpoint(wrapped, None, 1, tmp_path / "wrapped")
    assert load_file(tmp_path / "wrapped" / "model.safetensors").keys() == {"weight", "bias"}
    save_checkpoint(model, None, 1, tmp_path / "bare")
    for name in ("wrapped", "bare"):
        for other in (build()[0], torch.compile(build()[0]), torch.nn.DataParallel(build()[0])):
            load_checkpoint(tmp_path / name, other)
            assert all(map(torch.equal, other.state_dict().values(), model.state_dict().values()))


def test_optimizer_state_of_a_wider_dtype_keeps_it(tmp_path):
    """torch would convert it to the dtype of the parameter."""

    class Wide(torch.optim.Optimizer):
        def __init__(self, parameters):
            super().__init__(parameters, {"lr": 0.1})

        def step(self):
            for parameter in self.param_groups[0]["params"]:
                self.state[parameter]["exp_avg"] = torch.randn(parameter.shape)

    model, _ = build(torch.bfloat16)
    optimizer = Wide(model.parameters())
    optimizer.step()
    save_checkpoint(model, optimizer, 1, tmp_path / "step")
    other, _ = build(torch.bfloat16)
    other_optimizer = Wide(other.parameters())
    load_checkpoint(tmp_path / "step", other, other_optimizer)
    assert same((model, optimizer), (other, other_optimizer))
    assert other_optimizer.state[other.weight]["exp_avg"].dtype == torch.float32
