"""Too little memory is found before the first step, and the message says what fits."""

import gc
import weakref

import pytest
import torch
from torch import Tensor

from nn.accounting import optimizer_values
from trainer import build_train_state, read_metrics
from trainer.rehearsal import rehearse
from trainer.runtime import TooLittleMemoryError, World
from trainer.train_state import LossModule

from .run_helpers import changed, train_run

CPU = torch.device("cpu")


def limit_memory(monkeypatch, most):
    """Let a loss of more than `most` sequences run out of memory; returns a list that records each computation."""
    calls, original = [], LossModule.forward

    def forward(self, inputs, targets):
        has_gradient = any(parameter.grad is not None for parameter in self.parameters())
        calls.append((len(inputs), has_gradient))
        loss = original(self, inputs, targets)
        if len(inputs) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return loss

    monkeypatch.setattr(LossModule, "forward", forward)
    return calls


def rehearse_first_batch(config, world=None):
    state = build_train_state(config, World(), CPU)
    if world is not None:
        state.world = world
    ids = (
        torch.arange(config.training.batch_size * config.model.context_length).view(config.training.batch_size, -1) % 31
    )
    rehearse(state, ids, ids)
    return state


def test_the_largest_size_that_fits_is_found(config, run, monkeypatch):
    config = changed(config, training={"batch_size": 12})
    with monkeypatch.context() as patch:
        calls = limit_memory(patch, 5)
        with pytest.raises(TooLittleMemoryError) as error:
            train_run(config, run)
    assert str(error.value) == (
        "out of memory: the gradient of 12 sequences at once does not fit on cpu: "
        "give --training.gradient_accumulation 3, with which 4 at once fit when tried"
    )
    assert calls == [(12, False), (6, False), (4, False), (4, True)]
    assert read_metrics(run.metrics) == []
    limit_memory(monkeypatch, 5)
    assert train_run(changed(config, training={"gradient_accumulation": 3}), run).steps == 20


def test_only_the_size_of_the_run_is_compiled(config, monkeypatch):
    compiled = []

    def backend(graph, inputs):
        compiled.append(graph)
        return graph.forward

    @torch.compile(backend=backend, fullgraph=True, dynamic=False)
    def double(x):
        return 2 * x

    original = LossModule.forward

    def forward(self, inputs, targets):
        double(inputs)
        return original(self, inputs, targets)

    monkeypatch.setattr(LossModule, "forward", forward)
    limit_memory(monkeypatch, 1)
    with pytest.raises(TooLittleMemoryError, match="accumulation 4, with which 1 at once"):
        rehearse_first_batch(config)
    assert len(compiled) == 1


def test_the_accumulation_that_is_given_is_counted(config, monkeypatch):
    limit_memory(monkeypatch, 2)
    config = changed(config, training={"batch_size": 24, "gradient_accumulation": 3})
    with pytest.raises(TooLittleMemoryError, match=r"gradient of 8 .* give --training.gradient_accumulation 12, with"):
        rehearse_first_batch(config)


def test_a_model_of_which_no_sequence_fits(config, monkeypatch):
    limit_memory(monkeypatch, 0)
    with pytest.raises(TooLittleMemoryError, match=r"not even one fits, so lower model.context_length, model.d_model"):
        rehearse_first_batch(config)


def test_one_of_several_processes_tries_nothing(config, monkeypatch):
    calls = limit_memory(monkeypatch, 1)
    with pytest.raises(TooLittleMemoryError, match=r"on cpu: raise training.gradient_accumulation$"):
        rehearse_first_batch(config, World(size=2))
    assert len(calls) == 1


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_the_optimizers_state_is_part_of_the_rehearsal(config, run, monkeypatch, name):
    config = changed(config, optimizer={"name": name}, training={"steps": 2})
    values, original, seen = optimizer_values(config.model, name), LossModule.forward, []

    def forward(self, inputs, targets):
        tensors = (thing for thing in gc.get_objects() if type(thing) is Tensor)
        seen.append(any(tensor.shape == (values,) for tensor in tensors))
        return original(self, inputs, targets)

    monkeypatch.setattr(LossModule, "forward", forward)
    state = rehearse_first_batch(config)
    assert seen == [True]
    assert not state.optimizer.state
    train_run(config, run)
    seen.clear()
    train_run(changed(config, training={"steps": 3}), run, resume=True)
    assert not any(seen)  # the state itself exists already


def test_nothing_of_a_failed_rehearsal_is_kept(config, monkeypatch):
    alive = []

    def forward(self, inputs, targets):
        assert not any(kept() is not None for kept in alive)
        activations = self.model.embedding.weight * 2
        alive.append(weakref.ref(activations))
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(LossModule, "forward", forward)
    with pytest.raises(TooLittleMemoryError):
        rehearse_first_batch(config)
    assert len(alive) == 3


def test_a_rehearsal_changes_nothing(config):
    config = changed(config, training={"gradient_accumulation": 2})
    before = build_train_state(config, World(), CPU).model.state_dict()
    state = rehearse_first_batch(config)
    assert all(torch.equal(value, before[name]) for name, value in state.model.state_dict().items())
    assert all(parameter.grad is None for parameter in state.model.parameters())
    assert state.loss.training
