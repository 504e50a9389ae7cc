"""Scales: how large the models of all experiments are, and how long they train.

`configs/experiments/scales/NAME.yaml` has the settings of all members that train (`base`), on top of which come those
of an experiment and of a member, and what the runner needs: how many members at once, and how much text to generate.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experimentation.yaml_file import (
    TableError,
    check_keys,
    check_type,
    checked_mapping,
    flat,
    optional_fields,
    read_yaml,
)
from text_config import CONFIGS

EXPERIMENT_FILES = CONFIGS / "experiments"
"""The files that describe the experiments; those of the scales are in its folder `scales`."""
SCALES = ("smoke", "cpu", "gpu")
"""The scales, from the smallest."""
_NUMBER = (int, float)


@dataclass(frozen=True)
class Scale:
    """What all experiments have in common at a scale."""

    name: str
    title: str
    """What it is, in one phrase."""
    base: Mapping[str, Any]
    """Settings of members that train, by the dotted keys of a run's configuration."""
    minutes: float | None = None
    """How long all experiments together are expected to take; None if it depends on the machine."""
    parallel: int = 1
    """Members at once, unless the command line says something else."""
    members_per_job: int = 1
    """Members that one process runs one after another: where they take seconds, starting processes takes longer."""
    threads: int | None = None
    """Threads of each member; None: as many as libraries choose."""
    training_flops: float | None = None
    """FLOPs of all members that train, as a check on their settings."""
    generated_bytes: int | None = None
    """Bytes of text to generate where none is given or prepared; None: texts must be given or prepared."""
    other_vocab_size: int | None = None
    """Entries of the second corpus' tokenizer; None: as many as the first's, `model.vocab_size`."""
    device: str = "auto"
    """Where members run, unless the command line says something else."""

    @property
    def vocab_size(self) -> int:
        """Entries of the first corpus' tokenizer."""
        return int(self.base["model.vocab_size"])


def read_scale(name: str, folder: Path = EXPERIMENT_FILES) -> Scale:
    """Return a scale.

    Args:
        name: one of `SCALES`.
        folder: the files of the experiments.

    Raises:
        TableError: there is no such scale, or its file is wrong.
    """
    if name not in SCALES:
        raise TableError(f"there is no scale {name!r}: choose one of {', '.join(SCALES)}")
    path = folder / "scales" / f"{name}.yaml"
    content = read_yaml(path)
    check_keys(content, ["title", "base"], optional_fields(Scale), str(path))
    check_type(content["title"], str, f"{path}: title", "text")
    check_type(content.get("device", "auto"), str, f"{path}: device", "the name of a device, such as cpu")
    for key in ("minutes", "training_flops"):
        check_type(content.get(key), (*_NUMBER, type(None)), f"{path}: {key}", "a number")
    for key in ("parallel", "members_per_job", "threads", "generated_bytes", "other_vocab_size"):
        value = content.get(key)
        check_type(value, (int, type(None)), f"{path}: {key}", "a whole number")
        if value is not None and value < 1:
            raise TableError(f"{path}: {key} is {value}: give at least 1")
    base = flat(checked_mapping(content.pop("base"), f"{path}: base"))
    check_type(base.get("model.vocab_size"), int, f"{path}: model.vocab_size of base", "the number of entries")
    return Scale(name, base=base, **content)
