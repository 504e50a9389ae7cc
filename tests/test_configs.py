"""Every configuration can be read, and those of the reference runs contain the published settings."""

import pytest

from nn import TransformerLM
from text_config import TextRunConfig
from trainer import learning_rate, parse_config

from .conftest import ROOT

CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))


def read(name):
    return parse_config(TextRunConfig, [], files=[ROOT / "configs" / f"{name}.yaml"])[0]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_configuration_can_be_read_and_built(path):
    config = read(path.stem)
    TransformerLM(config.model, device="meta")
    assert config.run.directory == f"runs/{path.stem}"
    assert learning_rate(config.schedule, config.training.steps, config.training.steps) >= 0


def test_each_application_has_its_configuration_and_one_for_two_cores():
    names = {path.stem for path in CONFIGS}
    for name in ("tinystories", "owt", "leaderboard"):
        assert {name, f"{name}_cpu"} <= names
        assert f'"{name}.yaml"' in "".join(path.read_text("utf-8") for path in (ROOT / "apps").glob("*.py"))
    assert "quickstart" in names


@pytest.mark.parametrize(("name", "vocab_size"), [("tinystories", 10_000), ("owt", 32_000)])
def test_the_base_runs(name, vocab_size):
    config = read(name)
    model, training = config.model, config.training
    assert (model.vocab_size, model.context_length, model.d_model, model.feedforward_width) == (
        vocab_size,
        256,
        512,
        1344,
    )
    assert (model.num_layers, model.num_heads, model.rope_theta) == (4, 16, 10_000)
    assert training.batch_size * training.steps * model.context_length == 327_680_000
    assert (config.optimizer.betas, config.optimizer.weight_decay) == ((0.9, 0.999), 0.01)
    assert (training.max_grad_norm, config.schedule.shape, config.schedule.warmup_fraction) == (1.0, "cosine", 0.01)


def test_the_leaderboard_run():
    config = read("leaderboard")
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
