"""The experiments that train: each member is a valid run at each scale, and what is compared is comparable."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from nn.accounting import count_parameters, training_flops
from text_config import TextRunConfig
from trainer import parse_config

from .conftest import ROOT

EXPERIMENTS = ROOT / "configs" / "experiments"
SCALES = ("smoke", "cpu", "gpu")
TRAINING = {
    "base",
    "batch_size",
    "corpora",
    "learning_rate",
    "no_norm",
    "nope",
    "optimizers",
    "post_norm",
    "scaling",
    "seeds",
    "silu",
    "warmup",
    "weight_decay",
}


@dataclass(frozen=True)
class Run:
    """A member with one of its seeds."""

    config: TextRunConfig
    second_corpus: bool

    @property
    def tokens(self) -> int:
        return self.config.training.num_rows(self.config.training.steps) * self.config.model.context_length

    @property
    def flops(self) -> int:
        sequences = self.config.training.num_rows(self.config.training.steps)
        return training_flops(self.config.model, sequences).total

    @property
    def identity(self) -> str:
        return json.dumps([repr(self.config), self.second_corpus])


def read(name: str) -> dict[str, Any]:
    content = yaml.safe_load((EXPERIMENTS / f"{name}.yaml").read_text("utf-8"))
    assert isinstance(content, dict)
    return content


def at_scale(name: str, scale: str) -> dict[str, Any]:
    content = read(name)
    return content | content.get("scales", {}).get(scale, {})


def runs(name: str, scale: str) -> dict[str, list[Run]]:
    """Return the runs of each member, one for each seed."""
    experiment = at_scale(name, scale)
    base = read(f"scales/{scale}")["base"]
    return {
        member: [
            make_run(base, experiment.get("base", {}) | settings | {"run.seed": seed})
            for seed in experiment.get("seeds", [0])
        ]
        for member, settings in experiment["members"].items()
    }


def make_run(base: dict[str, Any], settings: dict[str, Any]) -> Run:
    corpus = settings.get("corpus", "first")
    assert corpus in ("first", "other")
    keys = {key: value for key, value in settings.items() if key != "corpus"}
    arguments = [f"--{key}={json.dumps(value)}" for key, value in (base | keys).items()]
    return Run(parse_config(TextRunConfig, arguments)[0], corpus == "other")


def all_runs(scale: str) -> Iterator[Run]:
    """Yield each run once: members of several experiments with equal settings share one."""
    every = [run for name in sorted(TRAINING) for member in runs(name, scale).values() for run in member]
    yield from {run.identity: run for run in every}.values()


def test_these_are_all_experiments_that_train():
    names = {path.stem for path in EXPERIMENTS.glob("*.yaml") if read(path.stem)["kind"] == "training"}
    assert names == TRAINING
    assert {path.stem for path in (EXPERIMENTS / "scales").glob("*.yaml")} == set(SCALES)


@pytest.mark.parametrize("name", sorted(TRAINING))
def test_an_experiment_is_described(name):
    experiment = read(name)
    assert experiment["question"].endswith("?")
    assert experiment["finding"] == name
    assert set(experiment) <= {"title", "question", "kind", "finding", "base", "members", "seeds", "scales", "reported"}
    for scale, replaced in experiment.get("scales", {}).items():
        assert scale in SCALES
        assert set(replaced) <= {"base", "members", "seeds"}
    if "reported" in experiment:
        assert experiment["reported"]["source"]
        for figures in (value for key, value in experiment["reported"].items() if key != "source"):
            assert set(figures) <= set(experiment["members"])


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", sorted(TRAINING))
def test_each_member_is_a_valid_run_of_its_own(name, scale):
    members = runs(name, scale)
    assert all(isinstance(member, str) for member in members)
    every = [run for member in members.values() for run in member]
    assert len(every) >= (1 if name == "base" else 2)
    assert len({run.identity for run in every}) == len(every)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", sorted(TRAINING - {"scaling"}))
def test_the_base_run_is_among_the_members(name, scale):
    """It is what the others are compared with, and is trained once for all."""
    base = runs("base", scale)["base"][0]
    members = runs(name, scale)
    is_shorter = (name, scale) == ("batch_size", "gpu")  # a tenth of the tokens
    assert (base.identity in {run.identity for member in members.values() for run in member}) is not is_shorter


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", sorted(TRAINING - {"scaling"}))
def test_members_train_on_equally_many_tokens(name, scale):
    tokens = [run.tokens for member in runs(name, scale).values() for run in member]
    assert max(tokens) == min(tokens)


@pytest.mark.parametrize("scale", SCALES)
def test_final_losses_are_measured_on_the_same_windows(scale):
    windows = set()
    for run in all_runs(scale):
        training = run.config.training
        batches = training.final_eval_batches
        assert batches != "same"
        windows.add(None if batches is None else batches * training.batch_size)
    assert len(windows) == 1


@pytest.mark.parametrize("scale", SCALES)
def test_swiglu_and_silu_have_equally_many_parameters(scale):
    members = runs("silu", scale)
    swiglu, silu = (count_parameters(members[name][0].config.model) for name in ("SwiGLU", "SiLU"))
    assert silu.feedforward == pytest.approx(swiglu.feedforward, rel=0.02)
    assert silu.total == pytest.approx(swiglu.total, rel=0.02)


@pytest.mark.parametrize("scale", SCALES)
def test_the_rates_of_batch_sizes_follow_the_stated_rule(scale):
    base = runs("base", scale)["base"][0].config
    members = runs("batch_size", scale)
    highest = max(run.config.schedule.max_lr for (run,) in members.values())
    for member, (run,) in members.items():
        training = run.config.training
        assert member == str(training.batch_size)
        by_rule = base.schedule.max_lr * (training.batch_size / base.training.batch_size) ** 0.5
        assert run.config.schedule.max_lr == pytest.approx(min(by_rule, highest), rel=0.01)


@pytest.mark.parametrize("scale", SCALES)
def test_the_rate_without_norm_is_that_of_the_base_run_a_tenth_and_twice_it(scale):
    base = runs("base", scale)["base"][0].config.schedule.max_lr
    rates = [member[0].config.schedule.max_lr / base for member in runs("no_norm", scale).values()]
    assert rates == pytest.approx([1, 1, 0.1, 2, 2][: len(rates)])


@pytest.mark.parametrize("scale", SCALES)
def test_models_of_a_budget_are_trained_with_equal_compute(scale):
    budgets: dict[str, list[int]] = {}
    for member, (run, *_) in runs("scaling", scale).items():
        budgets.setdefault(member.split(", ")[1], []).append(run.flops)
    for flops in budgets.values():
        assert max(flops) == pytest.approx(min(flops), rel=0.02)
    assert scale == "smoke" or (len(budgets) >= 3 and all(len(flops) >= 3 for flops in budgets.values()))


@pytest.mark.parametrize("scale", SCALES)
def test_the_compute_of_a_scale_is_stated(scale):
    assert sum(run.flops for run in all_runs(scale)) == pytest.approx(
        read(f"scales/{scale}")["training_flops"], rel=0.02
    )
