"""What the tests of whole runs share."""

import dataclasses
import json
import os
import signal

import torch

from nn import TransformerLM
from trainer import load_checkpoint, open_data, read_metrics, train


def changed(config, **groups):
    """Return the configuration with some keys of some groups replaced."""
    return dataclasses.replace(
        config, **{name: dataclasses.replace(getattr(config, name), **keys) for name, keys in groups.items()}
    )


def train_run(config, run, *, resume=False):
    return train(config, run, open_data(config.data, config.model), resume=resume)


def weights(run, config, step):
    """Return the weights in the checkpoint of a step."""
    model = TransformerLM(config.model)
    load_checkpoint(run.checkpoint(step), model)
    return model.state_dict()


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def figures(run):
    """Return the reported losses, which do not depend on the clock."""
    return [(entry["step"], entry.get("train_loss"), entry.get("valid_loss")) for entry in read_metrics(run.metrics)]


def state_of(run, step):
    return json.loads((run.checkpoint(step) / "state.json").read_text())


def interrupt_at(monkeypatch, module, name, call):
    """Send the process SIGTERM at the n-th call of a function."""
    count = iter(range(1, 1000))
    original = getattr(module, name)

    def watched(*arguments, **keywords):
        if next(count) == call:
            os.kill(os.getpid(), signal.SIGTERM)
        return original(*arguments, **keywords)

    monkeypatch.setattr(module, name, watched)
