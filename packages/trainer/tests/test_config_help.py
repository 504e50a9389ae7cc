from dataclasses import dataclass, field

import pytest

from trainer import DataConfig, TrainConfig, parse_config
from trainer.config_help import field_descriptions


@dataclass(frozen=True)
class MoreData(DataConfig):
    """Token files and a text."""

    text: str | None = None
    """A text, described on
    two lines."""
    undescribed: int = 3


@dataclass(frozen=True)
class MoreConfig(TrainConfig):
    data: MoreData = field(default_factory=MoreData)


def printed_help(capsys, *arguments, **keywords):
    with pytest.raises(SystemExit) as exited:
        parse_config(MoreConfig, [*arguments, "--help"], **keywords)
    assert exited.value.code == 0
    return capsys.readouterr().out


def test_the_order_of_the_help(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["apps/train.py"])
    text = printed_help(
        capsys,
        description="Train something.",
        examples=["--training.steps 3"],
        options={"resume": "A run."},
        flags={"dry-run": "Train nothing."},
    )
    parts = (
        "Train something.",
        "usage: uv run apps/train.py [--config FILE]",
        "examples:",
        "  uv run apps/train.py --training.steps 3\n",
        "options:",
        "  --config FILE",
        "--resume VALUE  A run.",
        "--dry-run       Train nothing.",
        "  --print-config",
        "\ngroups of keys:",
        "data         Token files and a text.",
        "\nkeys:",
        "--model.d_model 512    (a whole number)",
    )
    positions = [text.index(part) for part in parts]
    assert positions == sorted(positions)
    assert all(len(line) <= 100 for line in text.splitlines())


def test_the_values_are_those_that_would_be_used(capsys, tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("training: {steps: 7}\n")
    text = printed_help(capsys, "--training.batch_size=3", files=[path])
    assert "run.yaml:\n" in text
    assert "--training.steps 7    (a whole number)" in text
    assert "--training.batch_size 3    (a whole number)" in text
    assert "--optimizer.betas [0.9, 0.999]    (a list of 2 numbers)" in text
    assert "--data.train_tokens null    (a list of texts, text or null)" in text


def test_descriptions_are_the_docstrings_of_the_fields():
    descriptions = field_descriptions(MoreData)
    assert descriptions["text"] == "A text, described on two lines."
    assert "undescribed" not in descriptions
    assert descriptions["train_tokens"] == field_descriptions(DataConfig)["train_tokens"] != ""


def test_every_key_of_a_run_is_described():
    for name, group in (
        (item.name, getattr(TrainConfig(), item.name)) for item in TrainConfig.__dataclass_fields__.values()
    ):
        missing = set(type(group).__dataclass_fields__) - set(field_descriptions(type(group)))
        assert not missing, name
