"""Every configuration can be read, and those of the reference runs contain the published settings."""

import pytest

from nn import TransformerLM
from run_request import read_request
from text_config import TextRunConfig
from trainer import learning_rate, parse_config

from .conftest import ROOT

CONFIGS = sorted(path for path in (ROOT / "configs").rglob("*.yaml") if "experiments" not in path.parts)
PRESETS = [path for path in CONFIGS if path.stem not in ("quickstart", "tour")]  # whose texts are generated
APPLICATIONS = ("tinystories", "owt", "leaderboard")


def read(name):
    return parse_config(TextRunConfig, [], files=[ROOT / "configs" / f"{name}.yaml"])[0]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: str(path.relative_to(ROOT / "configs")))
def test_a_configuration_can_be_read_and_built(path):
    config, _ = parse_config(TextRunConfig, [], files=[path])
    TransformerLM(config.model, device="meta")
    suffix = "_reference" if path.parent.name == "reference" else ""
    assert config.run.directory == f"runs/{path.stem}{suffix}"
    assert learning_rate(config.schedule, config.training.steps, config.training.steps) >= 0


def test_each_application_has_its_presets():
    names = {path.stem for path in CONFIGS}
    for name in APPLICATIONS:
        assert {name, *(f"{name}_{machine}" for machine in ("cpu", "mps", "node"))} <= names
        assert f'"{name}.yaml"' in "".join(path.read_text("utf-8") for path in (ROOT / "apps").glob("*.py"))
        for machine in ("", "_cpu", "_mps", "_node"):
            config = read(f"{name}{machine}")
            assert config.data.corpus == ("tinystories" if name == "tinystories" else "owt")
            assert config.sample.prompt
            assert config.training.parallel == ("ddp" if machine == "_node" else "none")
    assert "quickstart" in names


@pytest.mark.parametrize("name", APPLICATIONS)
def test_several_gpus_train_what_one_trains(name):
    one, node = read(name), read(f"{name}_node")
    assert (node.model, node.optimizer, node.schedule) == (one.model, one.optimizer, one.schedule)
    assert (node.training.steps, node.training.batch_size) == (one.training.steps, one.training.batch_size)
    assert node.training.batch_size % 8 == 0


@pytest.mark.parametrize(("name", "vocab_size"), [("tinystories", 10_000), ("owt", 32_000)])
def test_the_base_runs(name, vocab_size):
    config, reference = read(name), read(f"reference/{name}")
    for model in (config.model, reference.model):
        assert (model.vocab_size, model.context_length, model.d_model, model.feedforward_width) == (
            vocab_size,
            256,
            512,
            1344,
        )
        assert (model.num_layers, model.num_heads, model.rope_theta) == (4, 16, 10_000)
    for each in (config, reference):
        assert each.training.batch_size * each.training.steps * each.model.context_length == 327_680_000
        assert (each.training.max_grad_norm, each.optimizer.weight_decay) == (1.0, 0.01)
        assert (each.schedule.shape, each.schedule.warmup_fraction) == ("cosine", 0.01)
    assert (reference.training.batch_size, reference.schedule.max_lr) == (128, 5e-3)
    assert reference.optimizer.betas == (0.9, 0.999)
    assert (config.training.batch_size, config.schedule.max_lr) == (256, 1e-2)
    assert config.optimizer.betas == (0.9, 0.95)


def test_the_leaderboard_run():
    config = read("reference/leaderboard")
    model, schedule = config.model, config.schedule
    assert (model.d_model, model.d_ff, model.num_layers, model.num_heads) == (1280, 3456, 12, 16)
    assert (model.context_length, model.tie_embeddings, model.vocab_size) == (512, True, 32_000)
    assert (config.training.batch_size, config.training.steps) == (128, 13_000)
    assert (schedule.shape, schedule.max_lr, schedule.min_lr, schedule.warmup_fraction) == (
        "linear",
        5e-4,
        1.8e-4,
        0.01,
    )
    assert learning_rate(schedule, 13_000, 13_000) == pytest.approx(1.8e-4)


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: str(path.relative_to(ROOT / "configs")))
def test_a_configuration_that_is_named_takes_nothing_from_the_applications_own(path):
    """The leaderboard's has most settings that others do not mention, such as a schedule by time."""
    request = read_request(["--config", str(path)], "leaderboard.yaml", "Train.")
    assert request.config == parse_config(TextRunConfig, [], files=[path])[0]
