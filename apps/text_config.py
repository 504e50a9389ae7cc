"""The configuration of a training run on text; reading it does not load torch."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from nn import SamplingConfig
from trainer import DataConfig, RunDirectory, TrainConfig, parse_config

CONFIGS = Path(__file__).resolve().parents[1] / "configs"


@dataclass(frozen=True)
class TextDataConfig(DataConfig):
    """Text files or finished token files, for training and for validation."""

    train_text: str | None = None
    """UTF-8 text to train on, documents separated by <|endoftext|>."""
    valid_text: str | None = None
    """UTF-8 text to evaluate on."""
    tokenizer: str | None = None
    """A tokenizer.json to encode with; null: one of model.vocab_size entries is trained on train_text."""
    pattern: str = "gpt2"
    """Split pattern of a tokenizer that is trained: gpt2, cl100k, o200k or a regular expression."""


@dataclass(frozen=True)
class SampleConfig:
    """A text that the model writes at each evaluation, to show its progress."""

    prompt: str | None = None
    """What it continues; "" begins a document; null: no samples."""
    max_new_tokens: int = 64
    """The largest number of tokens in a sample."""
    temperature: float = 0.7
    """As in apps/generate.py."""

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1:
            raise ValueError(f"sample.max_new_tokens is {self.max_new_tokens}: it must be at least 1")
        SamplingConfig(self.temperature)  # refuses a temperature that is out of range


@dataclass(frozen=True)
class TextRunConfig(TrainConfig):
    """Everything that determines a training run on text."""

    data: TextDataConfig = field(default_factory=TextDataConfig)
    sample: SampleConfig = field(default_factory=SampleConfig)


def read_run_config(run: RunDirectory) -> TextRunConfig:
    """Return the configuration that is stored in a run's folder.

    Raises:
        ValueError: it is missing, damaged, or from another version.
    """
    config, _ = parse_config(TextRunConfig, [], files=[run.config])
    return config


def with_directory(config: TextRunConfig, directory: str) -> TextRunConfig:
    """Return the configuration with another folder for its run."""
    return replace(config, run=replace(config.run, directory=directory))
