"""A small model with an optimizer, and comparison of such pairs."""

import copy

import torch

from optim import AdamW
from trainer import CheckpointError, load_checkpoint
from trainer.checkpoints.state_tree import flatten

NAMES = ["model.safetensors", "optimizer.safetensors", "state.json"]


def build(dtype=torch.float32, **settings):
    """Return a new model and its optimizer."""
    model = torch.nn.Linear(3, 2, dtype=dtype)
    return model, AdamW(model.parameters(), **settings)


def trained(model, optimizer):
    """Return the pair after one update."""
    model(torch.ones(3, dtype=model.weight.dtype)).sum().backward()
    optimizer.step()
    return model, optimizer


def same(one, other):
    """Return whether two pairs have the same state, bitwise."""
    trees = [flatten([module.state_dict() for module in pair]) for pair in (one, other)]
    return trees[0][0] == trees[1][0] and all(
        torch.equal(tensor, trees[1][1][name]) and tensor.dtype == trees[1][1][name].dtype
        for name, tensor in trees[0][1].items()
    )


class Saved:
    """Something with a given state_dict."""

    def __init__(self, state):
        self.state = state

    def state_dict(self):
        return self.state


def load_or_refuse(path):
    """Return what a checkpoint was loaded into, or None if it was refused; then nothing must have been changed."""
    model, optimizer = build()
    before = copy.deepcopy([model.state_dict(), optimizer.state_dict()])
    try:
        load_checkpoint(path, model, optimizer)
    except CheckpointError as error:
        if "\n" in str(error) or len(str(error)) > 1000:
            raise AssertionError("the message is too long, or has several lines") from error
        assert same([model, optimizer], [Saved(before[0]), Saved(before[1])])
        return None
    return model, optimizer
