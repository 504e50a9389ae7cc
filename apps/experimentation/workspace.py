"""What a member is given to work with, and what it gives back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from experimentation.scales import Scale

Value = float | int | str | bool
"""A figure of a member, or a word about it."""
Curve = Mapping[str, Sequence[float]]
"""A figure during training: `step`, `seconds` and `value`, lists of equal length."""
Status = Literal["finished", "diverged"]
Source = Literal["given", "prepared", "generated"]
WandbMode = Literal["disabled", "offline", "online"]


@dataclass(frozen=True)
class TextSource:
    """A corpus: its texts, its tokenizer and its token files."""

    name: str
    """What the report calls it."""
    source: Source
    """given on the command line, prepared by apps/prepare_data.py, or generated here."""
    train_text: Path
    """UTF-8 text, documents separated by `<|endoftext|>`."""
    valid_text: Path
    tokenizer: Path
    """The `tokenizer.json`, trained on the training text."""
    train_tokens: Path
    valid_tokens: Path
    vocab_size: int
    """The number of entries that the tokenizer was asked to have, which is `model.vocab_size` of the runs on it."""
    digest: str
    """SHA-256 of texts and tokenizer: what the results of a member depend on."""


@dataclass(frozen=True)
class Workspace:
    """All that a member needs besides its settings and its seed."""

    folder: Path
    """The folder of the member, which exists; it may contain what an earlier, interrupted session has written."""
    text: TextSource
    """The first corpus."""
    other_text: TextSource
    """The second corpus."""
    scale: Scale
    used_run: Path | None = None
    """The folder of the finished run that the experiment `uses`."""
    device: str = "auto"
    """As `run.device` of a run's configuration."""
    wandb_mode: WandbMode = "disabled"
    """As `wandb.mode` of a run's configuration."""
    group: str | None = None
    """The group of the run in Weights & Biases."""
    tags: tuple[str, ...] = ()
    """Its tags."""


@dataclass(frozen=True)
class Outcome:
    """What a member gives: any of these may be empty."""

    values: Mapping[str, Value]
    """Single figures."""
    curves: Mapping[str, Curve] = field(default_factory=dict)
    """Figures during training, by name, such as `valid_loss`."""
    rows: Sequence[Mapping[str, Any]] = ()
    """A table."""
    texts: Sequence[Mapping[str, str]] = ()
    """Texts to show, each with `title` and `text`."""
    status: Status = "finished"
    """A run that has diverged is a result too."""
    seconds: float | None = None
    """Time spent, over all sessions; None: the time that `run` took."""
