"""The file of a search, `configs/experiments/searches/NAME.yaml`: which settings are searched, and how.

title: Rate and weight decay
base: {…}                                  # settings of all trials, on top of those of the scale
space:                                     # by the dotted keys of a run's configuration
  schedule.max_lr: {log_uniform: [1.0e-3, 3.0e-2]}
  schedule.warmup_fraction: {uniform: [0.0, 0.2]}
  model.num_layers: {integers: [2, 6]}
  optimizer.betas: {choices: [[0.9, 0.95], [0.9, 0.999]]}
trials: 20
seed: 0                                    # of the sampler and of each training
sampler: tpe                               # or random
pruner: median                             # or hyperband, or none
startup_trials: 5                          # the first ones are random, and the median stops none of them
scales:                                    # replaces some of the keys above at a scale
  smoke: {trials: 3}
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from experimentation.scales import SCALES, Scale
from experimentation.training_settings import read_training
from experimentation.yaml_file import (
    TableError,
    check_keys,
    check_type,
    checked_mapping,
    flat,
    optional_fields,
    read_yaml,
)

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

_KINDS = ("uniform", "log_uniform", "integers", "choices")
_SAMPLERS = ("tpe", "random")
_PRUNERS = ("median", "hyperband", "none")


@dataclass(frozen=True)
class Dimension:
    """The values that a setting may have."""

    kind: Literal["uniform", "log_uniform", "integers", "choices"]
    values: tuple[Any, ...]
    """The lowest and the highest one, or all choices."""

    def distribution(self) -> "BaseDistribution":
        """Return it as Optuna's. Choices are stored as JSON, since a database has no lists."""
        from optuna import distributions

        if self.kind == "choices":
            return distributions.CategoricalDistribution([json.dumps(value) for value in self.values])
        low, high = self.values
        if self.kind == "integers":
            return distributions.IntDistribution(low, high)
        return distributions.FloatDistribution(low, high, log=self.kind == "log_uniform")

    def setting(self, parameter: Any) -> Any:
        """Return the setting that a parameter of a trial stands for."""
        return json.loads(parameter) if self.kind == "choices" else parameter


@dataclass(frozen=True)
class Search:
    """Which settings are searched for the lowest validation loss, and how."""

    name: str
    title: str
    space: Mapping[str, Dimension]
    """By the dotted keys of a run's configuration."""
    base: Mapping[str, Any] = field(default_factory=dict)
    trials: int = 20
    seed: int = 0
    sampler: Literal["tpe", "random"] = "tpe"
    pruner: Literal["median", "hyperband", "none"] = "median"
    startup_trials: int = 5

    def settings(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings that a trial's parameters stand for."""
        return {key: self.space[key].setting(value) for key, value in parameters.items()}


def read_search(folder: Path, name: str, scale: Scale) -> Search:
    """Return a search at a scale.

    Args:
        folder: the files of the experiments.
        name: the name of the search.
        scale: the scale.

    Raises:
        TableError: there is no such search, or its file is wrong.
    """
    path = folder / "searches" / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(each.stem for each in path.parent.glob("*.yaml"))) or "none"
        raise TableError(f"there is no search {name!r}: {path.parent} has {known}")
    content = read_yaml(path)
    scales = checked_mapping(content.pop("scales", {}), f"{path}: scales")
    check_keys(scales, (), SCALES, f"{path}: scales")
    content |= checked_mapping(scales.get(scale.name, {}), f"{path}: scales.{scale.name}")
    check_keys(content, ["title", "space"], optional_fields(Search), str(path))
    check_type(content["title"], str, f"{path}: title", "text")
    for key, least in (("trials", 1), ("seed", 0), ("startup_trials", 1)):
        check_type(content.get(key, least), int, f"{path}: {key}", "a whole number")
        if content.get(key, least) < least:
            raise TableError(f"{path}: {key} is {content[key]}: give at least {least}")
    for key, allowed in (("sampler", _SAMPLERS), ("pruner", _PRUNERS)):
        if content.get(key, allowed[0]) not in allowed:
            raise TableError(f"{path}: {key} is {content[key]!r}: choose one of {', '.join(allowed)}")
    space = read_space(content["space"], path)
    base = flat(checked_mapping(content.get("base", {}), f"{path}: base"))
    _check_runs(base, space, scale, path)
    return Search(**{**content, "name": name, "space": space, "base": base})


def read_space(content: Any, path: Path) -> dict[str, Dimension]:
    """Return the values of each setting that is searched.

    Raises:
        TableError: there is none, or its values are not given as they must be.
    """
    space = {}
    for key, given in checked_mapping(content, f"{path}: space").items():
        where = f"{path}: space.{key}"
        if len(checked_mapping(given, where)) != 1:
            raise TableError(f"{where} has {len(given)} kinds of values: give one of {', '.join(_KINDS)}")
        check_keys(given, (), _KINDS, where)
        ((kind, values),) = given.items()
        check_type(values, list, f"{where}.{kind}", "a list")
        if kind == "choices":
            if not values:
                raise TableError(f"{where}.choices is empty: give at least one value")
        else:
            _check_range(kind, values, f"{where}.{kind}")
        space[key] = Dimension(kind, tuple(values))
    if not space:
        raise TableError(f"{path}: space is empty: give at least one setting")
    return space


def _check_range(kind: str, values: list[Any], where: str) -> None:
    for value in values:
        check_type(value, int if kind == "integers" else (int, float), where, "numbers, such as [0.001, 0.01]")
    if len(values) != 2 or not -math.inf < values[0] < values[1] < math.inf:
        raise TableError(f"{where} is {values}: give the lowest and the highest value")
    if kind == "log_uniform" and values[0] <= 0:
        raise TableError(f"{where} begins at {values[0]}: give a number above 0")


def _check_runs(base: Mapping[str, Any], space: Mapping[str, Dimension], scale: Scale, path: Path) -> None:
    """Check that the base settings are allowed, and with them each value that the space names."""
    named: list[tuple[str, dict[str, Any]]] = [("base", {})]
    named += [(f"space.{key}", {key: value}) for key, each in space.items() for value in each.values]
    for place, settings in named:
        try:
            read_training({**scale.base, **base, **settings}, scale)
        except ValueError as error:
            raise TableError(f"{path}: {place}: {error}") from None
