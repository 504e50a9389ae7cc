"""What all optimizers share: the closure, refused gradients, and what a step must not do."""

import pytest
import torch
from torch.nn import Parameter
from torch.utils._python_dispatch import TorchDispatchMode

from optim import SGD, AdamW, Muon

SHAPES = [(6, 4), (3, 5), (4, 6), (7,), (), (0,)]


def muon(params, **chosen):
    groups = [{"params": params[:2]}, {"params": params[2:], "algorithm": "adamw", "lr": 0.03}]
    return Muon([group for group in groups if group["params"]], lr=0.1, precision="float32", **chosen)


MAKERS = {
    "adamw-loop": lambda params: AdamW(params, lr=0.02, weight_decay=0.1, implementation="loop"),
    "adamw-foreach": lambda params: AdamW(params, lr=0.02, weight_decay=0.1, implementation="foreach"),
    "muon": lambda params: muon(params, weight_decay=0.2),
    "muon-plain": lambda params: muon(params, nesterov=False, momentum=0.3),
    "sgd": lambda params: SGD(params, lr=0.1),
}
every_optimizer = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def random_params(seed=1):
    generator = torch.Generator().manual_seed(seed)
    return [Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]


def set_random_gradients(params, seed):
    generator = torch.Generator().manual_seed(seed)
    for parameter in params:
        parameter.grad = torch.randn(parameter.shape, generator=generator)


class NeverFetch(TorchDispatchMode):
    """Fails where the host would wait for a value of the accelerator."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        fetching = ("aten::_local_scalar_dense", "aten::is_nonzero", "aten::equal", "aten::item", "aten::nonzero")
        if func._schema.name in fetching:
            raise AssertionError(f"{func} fetches a value")
        return func(*args, **(kwargs or {}))


@every_optimizer
def test_a_step_does_not_wait_for_a_value(make):
    params = random_params()
    optimizer = make(params)
    for seed in (0, 1):
        set_random_gradients(params, seed)
        with NeverFetch():
            optimizer.step()


def test_fetching_a_value_would_be_noticed():
    flag = torch.tensor(True)
    for fetch in (bool, torch.Tensor.item, lambda tensor: torch.equal(tensor, tensor)):
        with pytest.raises(AssertionError, match="fetches a value"), NeverFetch():
            fetch(flag)


@every_optimizer
def test_a_step_does_not_change_the_gradients(make):
    params = random_params()
    set_random_gradients(params, 0)
    before = [parameter.grad.clone() for parameter in params]
    make(params).step()
    assert all(torch.equal(parameter.grad, old) for parameter, old in zip(params, before, strict=True))


@every_optimizer
def test_a_step_changes_the_parameters_in_place(make):
    params = random_params()
    set_random_gradients(params, 0)
    before = [(parameter.data_ptr(), parameter.detach().clone()) for parameter in params]
    make(params).step()
    for parameter, (address, old) in zip(params, before, strict=True):
        assert parameter.data_ptr() == address
        assert not parameter.numel() or not torch.equal(parameter, old)


@every_optimizer
def test_parameters_without_gradient_are_skipped(make):
    params = random_params()
    set_random_gradients(params, 0)
    params[0].grad = params[3].grad = None
    before = [parameter.detach().clone() for parameter in params]
    optimizer = make(params)
    optimizer.step()
    for index in (0, 3):
        assert torch.equal(params[index], before[index])  # not decayed either
        assert params[index] not in optimizer.state


@every_optimizer
def test_the_closure_is_called_with_gradients_on_and_its_loss_returned(make):
    params = random_params()
    expected = random_params()
    optimizer, other = make(params), make(expected)

    def closure():
        optimizer.zero_grad()
        loss = sum((parameter**2).sum() for parameter in params)
        loss.backward()
        return loss.item()

    loss = sum((parameter**2).sum() for parameter in expected)
    loss.backward()
    assert optimizer.step(closure) == loss.item()
    assert other.step() is None
    assert all(torch.equal(a, b) for a, b in zip(params, expected, strict=True))


@every_optimizer
def test_sparse_gradients_are_refused_before_anything_changes(make):
    params = [Parameter(torch.ones(2, 2)), Parameter(torch.ones(5, 2))]
    params[0].grad, params[1].grad = torch.ones(2, 2), torch.eye(5, 2).to_sparse()
    optimizer = make(params)
    name = type(optimizer).__name__
    message = rf"shape \(5, 2\) in parameter group 0 has the layout torch\.sparse_coo, but {name} takes dense gradients"
    with pytest.raises(ValueError, match=message):
        optimizer.step()
    assert torch.equal(params[0], torch.ones(2, 2))
    assert not optimizer.state


def test_the_group_of_a_refused_gradient_is_named():
    dense, sparse = Parameter(torch.ones(2)), Parameter(torch.ones(5, 2))
    dense.grad, sparse.grad = torch.ones(2), torch.eye(5, 2).to_sparse()
    with pytest.raises(ValueError, match=r"shape \(5, 2\) in parameter group 1"):
        AdamW([{"params": [dense]}, {"params": [sparse]}]).step()


@every_optimizer
def test_complex_gradients_are_refused_before_anything_changes(make):
    params = [Parameter(torch.ones(2, 2)), Parameter(torch.ones(2, 2, dtype=torch.complex64))]
    for parameter in params:
        parameter.grad = torch.ones_like(parameter)
    optimizer = make(params)
    with pytest.raises(
        ValueError, match=rf"torch\.complex64, but {type(optimizer).__name__} takes real gradients only"
    ):
        optimizer.step()
    assert torch.equal(params[0], torch.ones(2, 2))
    assert not optimizer.state
