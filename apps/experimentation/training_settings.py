"""The settings of a member that trains: those of a run's configuration, and which corpus it trains on."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from experimentation.kind_settings import read_settings
from experimentation.scales import Scale
from experimentation.yaml_file import flat
from text_config import TextRunConfig

_SET_BY_THE_RUNNER = ("run.", "wandb.", "sample.", "data.corpus", "data.train_", "data.valid_", "data.tokenizer")
_WITHOUT_EFFECT = ("reporting.", "checkpoints.")


@dataclass(frozen=True)
class TrainingSettings:
    """What a member trains, without its files and its seed."""

    config: TextRunConfig
    corpus: Literal["first", "other"]


def read_training(settings: Mapping[str, Any], scale: Scale) -> TrainingSettings:
    """Return the configuration of a member that trains.

    The size of the vocabulary follows from the corpus: `corpus: other` is the second one.

    Args:
        settings: all of the member's settings, by the dotted keys of a run's configuration, and `corpus`.
        scale: sets the vocabularies of the two corpora.

    Raises:
        ValueError: a key is unknown, a value is not allowed, or a key is one that the runner sets.
    """
    for key in settings:
        if key.startswith(_SET_BY_THE_RUNNER):
            raise ValueError(f"{key} is set by the runner: remove it")
    corpus = settings.get("corpus", "first")
    if corpus not in ("first", "other"):
        raise ValueError(f"corpus is {corpus!r}: choose one of first, other")
    entries = scale.vocab_size if corpus == "first" else scale.other_vocab_size or scale.vocab_size
    given = {key: value for key, value in settings.items() if key != "corpus"}
    given_entries = given.get("model.vocab_size", entries)
    if given_entries not in (entries, scale.vocab_size):
        raise ValueError(f"model.vocab_size is {given_entries}, but the corpus' tokenizer has {entries}: remove it")
    config = read_settings(TextRunConfig, {**given, "model.vocab_size": entries})
    return TrainingSettings(config, corpus)


def canonical_settings(training: TrainingSettings) -> dict[str, Any]:
    """Return the settings that differ from the defaults, which are equal for members that train equally.

    Settings that were added to the configuration later, and have their defaults, change nothing. How often the run is
    saved has no effect either.
    """
    default = flat(dataclasses.asdict(TextRunConfig()))
    values = flat(dataclasses.asdict(training.config))
    changed = {key: value for key, value in values.items() if value != default[key]}
    return {key: value for key, value in changed.items() if not key.startswith(_WITHOUT_EFFECT)} | {
        "corpus": training.corpus
    }
