"""The rule that sorts parameters into groups, and the table of the groups."""

import pytest
import torch

from optim import AdamW, LearningRateFactors, Muon, describe_groups, parameter_groups
from optim.groups import rule

PARAMETERS = {
    "embedding.weight": torch.zeros(10, 4),
    "blocks.0.attention.q_proj.weight": torch.zeros(4, 4),
    "blocks.0.attention_norm.weight": torch.zeros(4),
    "blocks.1.attention.q_proj.weight": torch.zeros(4, 4),
    "blocks.1.attention.value_mix.weight": torch.zeros(2),
    "blocks.1.attention_norm.weight": torch.zeros(4),
    "temperature": torch.zeros(()),
    "lm_head.weight": torch.zeros(10, 4),
}


def names(group):
    return [name for name, _ in group.parameters]


@pytest.mark.parametrize(
    ("name", "shape", "expected"),
    [
        ("blocks.0.feedforward.w1.weight", (64, 16), ("muon", True)),
        ("embedding.weight", (100, 16), ("adamw", True)),
        ("lm_head.weight", (100, 16), ("adamw", True)),
        ("value_embeddings.3.weight", (100, 16), ("adamw", True)),
        ("blocks.3.attention.value_gate.weight", (4, 12), ("adamw", True)),
        ("embedding_norm.weight", (16,), ("adamw", False)),
        ("convolution.weight", (3, 4, 5), ("adamw", True)),
        ("scale", (), ("adamw", False)),
    ],
)
def test_the_rule(name, shape, expected):
    assert rule(name, shape, muon=True) == expected
    assert rule(name, shape, muon=False) == ("adamw", expected[1])
    assert rule(name, shape, muon=True, decay_vectors=True) == (expected[0], True)


def test_each_parameter_is_in_one_group_in_the_models_order():
    muon, decayed, rest = parameter_groups(PARAMETERS.items(), 0.1, muon=True)
    assert names(muon) == ["blocks.0.attention.q_proj.weight", "blocks.1.attention.q_proj.weight"]
    assert names(decayed) == ["embedding.weight", "lm_head.weight"]
    assert sorted(names(muon) + names(decayed) + names(rest)) == sorted(PARAMETERS)
    assert [group.algorithm for group in (muon, decayed, rest)] == ["muon", "adamw", "adamw"]
    assert [group.weight_decay for group in (muon, decayed, rest)] == [0.1, 0.1, 0.0]


def test_without_muon_and_with_all_decaying_there_is_one_group():
    (group,) = parameter_groups(PARAMETERS.items(), 0.1, muon=False, decay_vectors=True)
    assert names(group) == list(PARAMETERS)


def test_optimizers_accept_the_groups():
    groups = parameter_groups(PARAMETERS.items(), 0.1, muon=True)
    muon = Muon([group.settings() for group in groups])
    assert [group["algorithm"] for group in muon.param_groups] == ["muon", "adamw", "adamw"]
    adamw = AdamW([group.settings() for group in parameter_groups(PARAMETERS.items(), 0.1, muon=False)])
    assert [group["weight_decay"] for group in adamw.param_groups] == [0.1, 0.0]


def test_the_table():
    table = describe_groups(parameter_groups(PARAMETERS.items(), 0.1, muon=True))
    assert table.splitlines() == [
        "update  rate  decay  tensors  weights  parameters",
        "Muon       1    0.1        2       32  blocks.*.attention.q_proj.weight (2)",
        "AdamW      1    0.1        2       80  embedding.weight",
        "                                       lm_head.weight",
        "AdamW      1      0        4       11  blocks.*.attention_norm.weight (2)",
        "                                       blocks.*.attention.value_mix.weight",
        "                                       temperature",
    ]


FACTORS = LearningRateFactors(muon=2.0, embedding=10.0, head=0.3, scalar=0.5)


def test_each_kind_of_parameter_has_its_learning_rate():
    groups = parameter_groups(PARAMETERS.items(), 0.1, muon=True, lr_factors=FACTORS)
    muon, embedding, head, rest = groups
    assert names(muon) == ["blocks.0.attention.q_proj.weight", "blocks.1.attention.q_proj.weight"]
    assert (names(embedding), names(head)) == (["embedding.weight"], ["lm_head.weight"])
    assert len(names(rest)) == 4
    assert [group.lr_factor for group in groups] == [2.0, 10.0, 0.3, 0.5]
    assert [group.settings()["lr_factor"] for group in groups] == [2.0, 10.0, 0.3, 0.5]
    assert [group.weight_decay for group in groups] == [0.1, 0.1, 0.1, 0.0]


def test_gates_have_the_learning_rate_of_scalars():
    assert FACTORS.of("blocks.3.attention.value_gate.weight", (4, 12), "adamw") == 0.5


def test_without_muon_the_matrices_of_the_blocks_have_the_schedules_rate():
    groups = parameter_groups(PARAMETERS.items(), 0.1, muon=False, decay_vectors=True, lr_factors=FACTORS)
    assert {name: group.lr_factor for group in groups for name in names(group)} == {
        "embedding.weight": 10.0,
        "blocks.0.attention.q_proj.weight": 1.0,
        "blocks.0.attention_norm.weight": 0.5,
        "blocks.1.attention.q_proj.weight": 1.0,
        "blocks.1.attention.value_mix.weight": 0.5,
        "blocks.1.attention_norm.weight": 0.5,
        "temperature": 0.5,
        "lm_head.weight": 0.3,
    }
    assert [group.lr_factor for group in groups] == [10.0, 1.0, 0.5, 0.3]  # equal rates share a group
