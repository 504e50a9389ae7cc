import copy
import math

import pytest
import torch

from nn import ModelConfig, TransformerLM, cross_entropy
from optim import SGD, AdamW
from trainer import OptimizerConfig, make_optimizer, train_step

TINY = ModelConfig(vocab_size=31, context_length=8, d_model=16, num_layers=2, num_heads=2, d_ff=32)


def batch(size=6):
    ids = torch.randint(31, (size, 9))
    return ids[:, :-1], ids[:, 1:]


def test_one_step_equals_writing_it_out():
    model = TransformerLM(TINY)
    other = copy.deepcopy(model)
    inputs, targets = batch()
    optimizer = make_optimizer(OptimizerConfig(), model)
    loss, norm, _ = train_step(model.loss, optimizer, inputs, targets, learning_rate=0.01, max_grad_norm=0.5)

    expected_loss = cross_entropy(other(inputs), targets)
    expected_loss.backward()
    expected_norm = torch.nn.utils.clip_grad_norm_(other.parameters(), 0.5)
    AdamW(other.parameters(), lr=0.01).step()
    torch.testing.assert_close(loss, expected_loss.detach())
    torch.testing.assert_close(norm, expected_norm)
    assert norm > 0.5
    for ours, theirs in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("parts", [2, 3, 6])
def test_accumulation_changes_nothing(parts):
    model = TransformerLM(TINY)
    inputs, targets = batch()
    results = []
    for accumulation in (1, parts):
        trained = copy.deepcopy(model)
        result = train_step(
            trained.loss, SGD(trained.parameters(), lr=1.0), inputs, targets,
            learning_rate=0.1, gradient_accumulation=accumulation,
        )  # fmt: skip
        results.append((result.loss, result.grad_norm, *(parameter.detach() for parameter in trained.parameters())))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_microbatches_of_unequal_size_are_refused():
    model = TransformerLM(TINY)
    optimizer = SGD(model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="a batch of 6 rows cannot be divided into 4 microbatches"):
        train_step(model.loss, optimizer, *batch(), learning_rate=0.1, gradient_accumulation=4)


def test_without_a_limit_the_gradient_is_only_measured():
    model = TransformerLM(TINY)
    optimizer = SGD(model.parameters(), lr=0.0)
    _, norm, _ = train_step(model.loss, optimizer, *batch(), learning_rate=0.0, max_grad_norm=None)
    left = torch.stack([parameter.grad.norm() for parameter in model.parameters()]).norm()
    torch.testing.assert_close(norm, left)


def test_any_loss_function_can_be_trained():
    weight = torch.nn.Parameter(torch.tensor([2.0]))
    optimizer = SGD([weight], lr=0.0)
    ids = torch.zeros(1, 1, dtype=torch.long)
    result = train_step(lambda inputs, targets: 3 * weight.sum(), optimizer, ids, ids, learning_rate=0.5)
    assert result.loss == 6
    assert result.grad_norm == 3
    assert result.updated
    assert weight.item() == pytest.approx(1.5)  # the gradient is clipped to 1


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_an_update_that_is_not_finite_is_skipped(value, where):
    """A finite loss may have a gradient that is not, and the other way round."""
    weight = torch.nn.Parameter(torch.tensor([2.0]))
    factor = torch.tensor(value)
    optimizer = AdamW([weight], lr=0.0)
    ids = torch.zeros(1, 1, dtype=torch.long)

    def loss_function(inputs, targets):
        return weight.sum() + (factor if where == "loss" else 0)

    if where == "gradient":
        weight.register_hook(lambda gradient: gradient * factor)
    result = train_step(loss_function, optimizer, ids, ids, learning_rate=0.5)
    assert not result.updated
    assert weight.item() == 2
    assert not optimizer.state
    assert optimizer.param_groups[0]["lr"] == 0.5  # as if the update had been made


def test_a_model_in_place_of_its_loss_is_refused():
    model = TransformerLM(TINY)
    with pytest.raises(ValueError, match=r"loss_function is a model, which returns logits: give its loss, model\.loss"):
        train_step(model, SGD(model.parameters(), lr=0.1), *batch(), learning_rate=0.1)
