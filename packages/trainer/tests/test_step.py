import copy
import math

import pytest
import torch

from nn import ModelConfig, TransformerLM, cross_entropy
from optim import SGD, AdamW, Muon, Segment
from trainer import OptimizerConfig, ScheduleConfig, learning_rate, make_optimizer, train_step

TINY = ModelConfig(vocab_size=31, context_length=8, d_model=16, num_layers=2, num_heads=2, d_ff=32)


def batch(size=6):
    ids = torch.randint(31, (size, 9))
    return ids[:, :-1], ids[:, 1:]


def test_one_step_equals_writing_it_out():
    model = TransformerLM(TINY)
    other = copy.deepcopy(model)
    inputs, targets = batch()
    optimizer = make_optimizer(OptimizerConfig(), model)
    loss, norm = train_step(model, optimizer, inputs, targets, learning_rate=0.01, max_grad_norm=0.5)

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
        figures = train_step(
            trained, SGD(trained.parameters(), lr=1.0), inputs, targets,
            learning_rate=0.1, gradient_accumulation=accumulation,
        )  # fmt: skip
        results.append((*figures, *(parameter.detach() for parameter in trained.parameters())))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_unequal_parts_are_refused():
    model = TransformerLM(TINY)
    optimizer = SGD(model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="a batch of 6 cannot be cut into 4 equal parts"):
        train_step(model, optimizer, *batch(), learning_rate=0.1, gradient_accumulation=4)


def test_without_a_limit_the_gradient_is_only_measured():
    model = TransformerLM(TINY)
    optimizer = SGD(model.parameters(), lr=0.0)
    _, norm = train_step(model, optimizer, *batch(), learning_rate=0.0, max_grad_norm=None)
    left = torch.stack([parameter.grad.norm() for parameter in model.parameters()]).norm()
    torch.testing.assert_close(norm, left)


def test_optimizers_by_name():
    model = TransformerLM(TINY)
    adamw = make_optimizer(OptimizerConfig(betas=(0.8, 0.9), eps=1e-6, weight_decay=0.3), model)
    assert isinstance(adamw, AdamW)
    settings = adamw.param_groups[0]
    assert (settings["betas"], settings["eps"], settings["weight_decay"]) == ((0.8, 0.9), 1e-6, 0.3)
    assert len(adamw.param_groups) == 1
    assert isinstance(make_optimizer(OptimizerConfig(name="sgd"), model), SGD)


def test_muon_takes_the_matrices_of_the_blocks():
    model = TransformerLM(TINY)
    config = OptimizerConfig(name="muon", momentum=0.8, weight_decay=0.3, decay_vectors=False, muon_lr_factor=5.0)
    optimizer = make_optimizer(config, model)
    assert isinstance(optimizer, Muon)
    muon, decayed, rest = optimizer.param_groups
    assert {id(parameter) for parameter in muon["params"]} == {
        id(parameter) for name, parameter in model.named_parameters() if "blocks" in name and parameter.ndim == 2
    }
    assert (muon["algorithm"], muon["momentum"], muon["scale"]) == ("muon", 0.8, "match_adamw")
    assert [id(parameter) for parameter in decayed["params"]] == [id(model.embedding.weight), id(model.lm_head.weight)]
    assert [group["weight_decay"] for group in (muon, decayed, rest)] == [0.3, 0.3, 0.0]
    assert len(rest["params"]) == 5

    train_step(model, optimizer, *batch(), learning_rate=0.01)
    assert [group["lr"] for group in optimizer.param_groups] == [0.05, 0.01, 0.01]


def test_a_given_loss_function_is_what_is_trained():
    model = TransformerLM(TINY)
    optimizer = SGD(model.parameters(), lr=0.0)
    loss, norm = train_step(
        model, optimizer, *batch(), learning_rate=0.0, loss_function=lambda ids, targets: 3 * model.lm_head.weight[0, 0]
    )
    assert loss == 3 * model.lm_head.weight[0, 0]
    assert norm == 3


def test_the_schedule_counts_updates_from_one():
    cosine = ScheduleConfig(max_lr=1.0, min_lr=0.1, warmup_fraction=0.1)
    rates = [learning_rate(cosine, update, 100) for update in range(1, 101)]
    assert rates[0] == pytest.approx(0.1)  # a tenth of the warm-up
    assert rates[9] == 1.0
    assert rates[54] == pytest.approx(0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * 0.5)))
    assert rates[99] == pytest.approx(0.1)
    assert min(rates) > 0


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (ScheduleConfig("linear", 1.0, 0.0, 0.1), [0.5, 1.0, 5 / 9, 0.0]),
        (ScheduleConfig("constant", 1.0, 0.0, 0.1), [0.5, 1.0, 1.0, 1.0]),
        (ScheduleConfig("wsd", 1.0, 0.0, 0.1, 0.5), [0.5, 1.0, 1.0, 0.0]),
        (ScheduleConfig("piecewise", segments=(Segment(100, 1.0),)), [0.05, 0.1, 0.5, 1.0]),
    ],
)
def test_every_shape(schedule, expected):
    assert [learning_rate(schedule, update, 100) for update in (5, 10, 50, 100)] == pytest.approx(expected)


def test_wsd_with_a_short_run_never_decays_before_the_warm_up_ends():
    schedule = ScheduleConfig("wsd", 1.0, 0.0, 0.5, 0.5)
    assert [learning_rate(schedule, update, 3) for update in (1, 2, 3)] == pytest.approx([0.5, 1.0, 0.0])
