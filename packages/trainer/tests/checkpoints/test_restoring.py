"""Filling a model and an optimizer from a checkpoint."""

import copy

import pytest
import torch

from optim import AdamW
from trainer import CheckpointError, save_checkpoint
from trainer.checkpoints import open_checkpoint


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


def trained(module, **settings):
    optimizer = AdamW(module.parameters(), **settings)
    module.weight.sum().backward()
    optimizer.step()
    return optimizer


def test_extra_state_that_does_not_fit_changes_neither_the_model_nor_the_optimizer(tmp_path):
    saved = Counter("a")
    save_checkpoint(saved, trained(saved), 1, tmp_path / "step")
    model = Counter("b")
    optimizer = trained(model, lr=0.5)
    before = copy.deepcopy((model.state_dict(), optimizer.state_dict()))
    with pytest.raises(CheckpointError, match="does not fit the model: kind is a, not b"):
        open_checkpoint(tmp_path / "step").restore(model, optimizer)
    assert torch.equal(model.weight, before[0]["weight"])
    torch.testing.assert_close(optimizer.state_dict(), before[1], rtol=0, atol=0)


@pytest.mark.parametrize(("keep_settings", "rate"), [(True, 0.5), (False, 0.25)])
def test_settings_of_the_optimizer_are_restored_or_kept(tmp_path, keep_settings, rate):
    saved = torch.nn.Linear(2, 2, bias=False)
    saved_optimizer = trained(saved, lr=0.25)
    save_checkpoint(saved, saved_optimizer, 7, tmp_path / "step")
    model = torch.nn.Linear(2, 2, bias=False)
    optimizer = AdamW(model.parameters(), lr=0.5)
    progress = open_checkpoint(tmp_path / "step").restore(model, optimizer, keep_settings=keep_settings)
    assert progress.step == 7
    assert torch.equal(model.weight, saved.weight)
    assert optimizer.param_groups[0]["lr"] == rate
    torch.testing.assert_close(optimizer.state_dict()["state"], saved_optimizer.state_dict()["state"], rtol=0, atol=0)
