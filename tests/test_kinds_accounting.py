"""What models and AdamW cost: the figures that are published, and operations that a counting number counts."""

import math
from dataclasses import dataclass

import pytest
import torch
import yaml

from experimentation.kinds import accounting, adamw_cost
from optim import AdamW

from .conftest import ROOT


def read(name):
    return yaml.safe_load((ROOT / "configs" / "experiments" / f"{name}.yaml").read_text("utf-8"))


def run_members(kind, name):
    """Run all members of an experiment that needs no workspace; return their values by member."""
    experiment = read(name)
    base = experiment.get("base", {})
    return {member: kind.run({**base, **own}, 0, None) for member, own in experiment["members"].items()}


@pytest.fixture(scope="module")
def gpt2():
    return run_members(accounting, "accounting")


@pytest.fixture(scope="module")
def xl():
    (outcome,) = run_members(adamw_cost, "adamw_cost").values()
    return outcome


def reported(name):
    """Each figure that the file reports from elsewhere: its name, its member, its value."""
    figures = {key: of for key, of in read(name)["reported"].items() if key != "source"}
    return [(key, member, value) for key, of in figures.items() for member, value in of.items()]


def test_the_counts_are_the_published_ones(gpt2):
    figures = reported("accounting")
    assert len(figures) == 31
    for key, member, value in figures:
        exact = isinstance(value, int)  # one is published as 1.33e14
        assert gpt2[member].values[key] == (value if exact else pytest.approx(value, rel=4e-3)), (key, member)


def test_parts_add_up_and_shares_to_one(gpt2):
    for outcome in gpt2.values():
        *parts, total = outcome.rows
        assert sum(row["flops"] for row in parts) == total["flops"] == outcome.values["flops_total"]
        assert sum(row["share"] for row in parts) == pytest.approx(1)
        assert total["component"] == "total"


def test_a_longer_context_moves_operations_to_the_scores(gpt2):
    short, long = gpt2["GPT-2 XL"].values, gpt2["GPT-2 XL, context 16,384"].values
    assert long["flops_scores"] == 16**2 * short["flops_scores"]
    assert long["flops_feedforward"] == 16 * short["flops_feedforward"]
    assert long["share_scores"] > long["share_feedforward"]
    assert short["share_scores"] < short["share_feedforward"] / 10


def test_the_cost_of_adamw_is_the_published_one(xl):
    for key, _, value in reported("adamw_cost"):
        assert xl.values[key] == pytest.approx(value, abs=0.5 if key == "days" else 0), key


def test_a_batch_more_than_the_largest_does_not_fit(xl):
    values = xl.values
    needed = [values["fixed_bytes"] + batch * values["bytes_per_sequence"] for batch in (3, 4)]
    assert needed[0] <= 80e9 < needed[1]
    assert adamw_cost.cost(adamw_cost.Settings(memory_bytes=1.0)).values["largest_batch"] == 0


@dataclass
class Counting:
    """A number that counts the operations it takes part in."""

    value: float
    counter: list

    def _result(self, value):
        self.counter[0] += 1
        return Counting(value, self.counter)

    def __add__(self, other):
        return self._result(self.value + _value(other))

    def __sub__(self, other):
        return self._result(self.value - _value(other))

    def __mul__(self, other):
        return self._result(self.value * _value(other))

    __rmul__ = __mul__

    def __truediv__(self, other):
        return self._result(self.value / _value(other))

    def sqrt(self):
        return self._result(math.sqrt(self.value))


def _value(number):
    return number.value if isinstance(number, Counting) else number


def test_the_operations_of_adamw_are_those_that_a_number_counts():
    """The equations of `UPDATE` as code: the weight is that of `optim.AdamW`, so they are the ones that it computes."""
    lr, beta1, beta2, eps, decay, t = 0.1, 0.9, 0.99, 1e-8, 0.3, 2
    weight = torch.nn.Parameter(torch.tensor([0.7], dtype=torch.float64))
    optimizer = AdamW([weight], lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=decay)
    for gradient in (0.4, -0.9):
        before = weight.item()
        m, v = (optimizer.state[weight].get(name, torch.zeros(1)).item() for name in ("exp_avg", "exp_avg_sq"))
        weight.grad = torch.tensor([gradient], dtype=torch.float64)
        optimizer.step()

    counts = []

    def counted(operation, *numbers):
        counter = [0]
        result = operation(*(Counting(_value(number), counter) for number in numbers))
        counts.append(counter[0])
        return result

    rest1, rest2, shrink = 1 - beta1, 1 - beta2, lr * decay  # the same for all parameters: computed once a step
    step_size = lr * math.sqrt(1 - beta2**t) / (1 - beta1**t)
    first = counted(lambda m, g: beta1 * m + rest1 * g, m, gradient)
    second = counted(lambda v, g: beta2 * v + rest2 * (g * g), v, gradient)
    direction = counted(lambda m, v: m / (v.sqrt() + eps), first, second)
    stepped = counted(lambda w, d: w - step_size * d, before, direction)
    decayed = counted(lambda w: w - shrink * w, stepped)
    assert decayed.value == pytest.approx(weight.item(), rel=1e-12)
    assert counts == [equation.operations for equation in adamw_cost.UPDATE]
    assert sum(counts) == adamw_cost.FLOPS_PER_PARAMETER


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_layer": 3}, "num_layers"),
        ({"num_layers": "many"}, "num_layers"),
        ({"d_model": 10, "num_heads": 3}, "not divisible"),
    ],
)
def test_settings_that_are_not_those_of_a_model_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        accounting.run(settings, 0, None)


@pytest.mark.parametrize(
    ("settings", "message"), [({"steps": 0}, "steps is 0"), ({"mfu": 2}, "mfu is 2"), ({"model.depth": 1}, "model")]
)
def test_costs_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        adamw_cost.run(settings, 0, None)
