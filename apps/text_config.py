"""The configuration of a training run on text; reading it does not load torch."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

from bpe import Tokenizer
from nn import SamplingConfig
from trainer import DataConfig, RunDirectory, TrainConfig, parse_config

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
CorpusName = Literal["tinystories", "owt", "fineweb"]


@dataclass(frozen=True)
class TextDataConfig(DataConfig):
    """A prepared corpus, or text files or token files for training and for validation, which replace it."""

    corpus: CorpusName | None = None
    """tinystories, owt, fineweb: what apps/prepare_data.py makes of it; null: only the files that are given."""
    train_text: str | None = None
    """UTF-8 text to train on, documents separated by <|endoftext|>; or JSON lines or parquet with a column text."""
    valid_text: str | None = None
    """Text to evaluate on, in any of these formats."""
    tokenizer: str | None = None
    """The file of a tokenizer to encode with; null: one of model.vocab_size entries is trained on train_text."""
    pattern: str = "gpt2"
    """Split pattern of a tokenizer that is trained: gpt2, cl100k, o200k or a regular expression."""

    def __post_init__(self) -> None:
        super().__post_init__()
        known = get_args(CorpusName)
        if self.corpus is not None and self.corpus not in known:
            raise ValueError(f"data.corpus is {self.corpus!r}: choose one of {', '.join(known)}, or null")

    @property
    def has_files(self) -> bool:
        """Whether a text file or a token file is given."""
        return any((self.train_text, self.valid_text, self.train_tokens, self.valid_tokens))


@dataclass(frozen=True)
class SampleConfig:
    """Texts that the model writes at each evaluation, to show its progress."""

    prompt: str | None = None
    """What they continue; "" begins a document; null: no samples."""
    num_samples: int = 1
    """Texts at each evaluation: the first is logged, all of them are in samples.jsonl and report.html."""
    max_new_tokens: int = 64
    """The largest number of tokens in a sample."""
    temperature: float = 0.7
    """As in apps/generate.py."""

    def __post_init__(self) -> None:
        for name in ("max_new_tokens", "num_samples"):
            if getattr(self, name) < 1:
                raise ValueError(f"sample.{name} is {getattr(self, name)}: it must be at least 1")
        SamplingConfig(self.temperature)  # refuses a temperature that is out of range


@dataclass(frozen=True)
class TextConfig:
    """How the texts that the model knows begin and end; apps/import_model.py sets it for models of other libraries."""

    begin_token: str | None = None
    """Put before each prompt, since the model was trained with it before each text; null: nothing is."""
    end_token: str = "<|endoftext|>"  # noqa: S105  # not a password
    """Ends a text; the text before it is complete. Without a begin_token, it is the prompt of a new document."""

    def begin_ids(self, tokenizer: Tokenizer) -> list[int]:
        """Return the ids before a prompt, of which there is one or none.

        Raises:
            ValueError: the tokenizer has no such token.
        """
        if self.begin_token is None:
            return []
        if self.begin_token not in tokenizer.special_tokens:
            raise ValueError(
                f"text.begin_token is {self.begin_token!r}, which is not a special token of the tokenizer: give one of "
                f"{', '.join(list(tokenizer.special_tokens)[:8]) or 'another tokenizer'}, or null"
            )
        return [tokenizer.special_tokens[self.begin_token]]

    def end_id(self, tokenizer: Tokenizer) -> int | None:
        """Return the id that ends a text, if the tokenizer has it."""
        return tokenizer.special_tokens.get(self.end_token)

    def document_start(self, tokenizer: Tokenizer) -> list[int]:
        """Return the ids from which a new text begins: those before a prompt, else the one that ends the text before.

        Raises:
            ValueError: as for `begin_ids`.
        """
        end = self.end_id(tokenizer)
        return self.begin_ids(tokenizer) or ([] if end is None else [end])


@dataclass(frozen=True)
class TextRunConfig(TrainConfig):
    """Everything that determines a training run on text."""

    data: TextDataConfig = field(default_factory=TextDataConfig)
    text: TextConfig = field(default_factory=TextConfig)
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
