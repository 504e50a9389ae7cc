import math
from dataclasses import replace

import pytest
import torch

from nn import ModelConfig, TransformerLM
from optim import SGD, AdamW, Muon, Segment
from trainer import OptimizerConfig, ScheduleConfig, learning_rate, make_optimizer, train_step
from trainer.optimization import muon_momentum

TINY = ModelConfig(vocab_size=31, context_length=8, d_model=16, num_layers=2, num_heads=2, d_ff=32)


def test_optimizers_by_name():
    model = TransformerLM(TINY)
    adamw = make_optimizer(OptimizerConfig(betas=(0.8, 0.9), eps=1e-6, weight_decay=0.3), model)
    assert isinstance(adamw, AdamW)
    settings = adamw.param_groups[0]
    assert (settings["betas"], settings["eps"], settings["weight_decay"]) == ((0.8, 0.9), 1e-6, 0.3)
    assert len(adamw.param_groups) == 1
    assert settings["cautious_weight_decay"] is False
    cautious = make_optimizer(OptimizerConfig(cautious_weight_decay=True), model)
    assert cautious.param_groups[0]["cautious_weight_decay"] is True
    assert isinstance(make_optimizer(OptimizerConfig(name="sgd"), model), SGD)


def test_muon_takes_the_matrices_of_the_blocks():
    model = TransformerLM(TINY)
    config = OptimizerConfig(name="muon", momentum=0.8, weight_decay=0.3, decay_vectors=False, muon_lr_factor=5.0)
    config = replace(config, muon_coefficients="polar_express", muon_second_moment=0.9, cautious_weight_decay=True)
    optimizer = make_optimizer(config, model)
    assert isinstance(optimizer, Muon)
    muon, decayed, rest = optimizer.param_groups
    assert {id(parameter) for parameter in muon["params"]} == {
        id(parameter) for name, parameter in model.named_parameters() if "blocks" in name and parameter.ndim == 2
    }
    assert (muon["algorithm"], muon["momentum"], muon["scale"]) == ("muon", 0.8, "match_adamw")
    assert (muon["coefficients"], muon["second_moment"]) == ("polar_express", 0.9)
    assert [group["cautious_weight_decay"] for group in (muon, decayed, rest)] == [True] * 3
    assert [id(parameter) for parameter in decayed["params"]] == [id(model.embedding.weight), id(model.lm_head.weight)]
    assert [group["weight_decay"] for group in (muon, decayed, rest)] == [0.3, 0.3, 0.0]
    assert len(rest["params"]) == 5

    ids = torch.randint(31, (6, 9))
    train_step(model.loss, optimizer, ids[:, :-1], ids[:, 1:], learning_rate=0.01)
    assert [group["lr"] for group in optimizer.param_groups] == [0.05, 0.01, 0.01]


def test_each_kind_of_parameter_has_its_learning_rate():
    rates = {"embedding_lr_factor": 10.0, "head_lr_factor": 0.3, "scalar_lr_factor": 25.0}
    for tied, expected in [(False, {"embedding": 0.1, "lm_head": 0.003}), (True, {"embedding": 0.1})]:
        model = TransformerLM(replace(TINY, tie_embeddings=tied))
        optimizer = make_optimizer(OptimizerConfig(name="muon", muon_lr_factor=2.0, **rates), model)
        ids = torch.randint(31, (6, 9))
        train_step(model.loss, optimizer, ids[:, :-1], ids[:, 1:], learning_rate=0.01)
        by_parameter = {parameter: group["lr"] for group in optimizer.param_groups for parameter in group["params"]}
        for name, parameter in model.named_parameters():
            own = expected.get(name.split(".")[0], 0.02 if parameter.ndim == 2 else 0.25)
            assert by_parameter[parameter] == pytest.approx(own), name


def test_momentum_rises_and_stays():
    config = OptimizerConfig(name="muon", momentum=0.95, momentum_start=0.85, momentum_warmup_steps=4)
    momenta = [muon_momentum(config, update) for update in (1, 2, 3, 5, 6, 1000)]
    assert momenta == pytest.approx([0.85, 0.875, 0.9, 0.95, 0.95, 0.95])
    assert muon_momentum(replace(config, name="adamw"), 1) is None


def test_a_step_sets_the_momentum():
    model = TransformerLM(TINY)
    optimizer = make_optimizer(OptimizerConfig(name="muon", momentum=0.9), model)
    ids = torch.randint(31, (6, 9))
    for momentum, expected in [(None, 0.9), (0.5, 0.5)]:
        train_step(model.loss, optimizer, ids[:, :-1], ids[:, 1:], learning_rate=0.01, momentum=momentum)
        assert optimizer.param_groups[0]["momentum"] == expected


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
