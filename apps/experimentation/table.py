"""The table of experiments: what is in `configs/experiments/*.yaml`.

An experiment has members, which differ in their settings. Each is run once for each seed:

    title: Learning rate
    question: Where does training diverge?
    kind: training                # a module of `kinds`, which runs the members
    finding: learning_rate        # a function of `findings`, which says what the results show
    base: {…}                     # settings of all members, on top of those of the scale
    members:
      "1e-3": {schedule.max_lr: 1.0e-3}
    seeds: [0]
    scales:                       # replaces some of the keys above at a scale
      cpu: {seeds: [0, 1]}
    reported: {…}                 # figures reported elsewhere, with their source
    uses: base                    # the experiment whose finished run the members need
    alone: true                   # members measure time, so nothing else may run meanwhile
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from experimentation.scales import EXPERIMENT_FILES, SCALES
from experimentation.yaml_file import TableError, check_keys, check_type, checked_mapping, optional_fields, read_yaml

_REQUIRED = ("title", "question", "kind", "finding", "members")
_REPLACEABLE = ("base", "members", "seeds", "uses", "reported")


@dataclass(frozen=True)
class Member:
    """One run or measurement of an experiment."""

    name: str
    settings: Mapping[str, Any]
    """What it adds to the settings that it shares with the other members."""
    seed: int


@dataclass(frozen=True)
class Experiment:
    """A question, and the members whose results answer it."""

    name: str
    title: str
    question: str
    kind: str
    """The module of `kinds` that runs the members."""
    finding: str
    """The function of `findings` that says what the results show."""
    members: Mapping[str, Mapping[str, Any]]
    """The settings of each member, by its name."""
    base: Mapping[str, Any] = field(default_factory=dict)
    """Settings of all members."""
    seeds: tuple[int, ...] = (0,)
    """Each member is run with each of them."""
    reported: Mapping[str, Any] = field(default_factory=dict)
    """Figures reported elsewhere: `source`, and for each value the figures by the names of members."""
    uses: str | None = None
    """The experiment whose first member must have been trained."""
    alone: bool = False
    """Whether nothing else may run at the same time, because time is measured."""

    def runs(self) -> tuple[Member, ...]:
        """Return each member with each seed."""
        return tuple(Member(name, settings, seed) for name, settings in self.members.items() for seed in self.seeds)


def read_experiments(folder: Path = EXPERIMENT_FILES, scale: str = "cpu") -> tuple[Experiment, ...]:
    """Return all experiments at a scale, by name.

    Args:
        folder: the files of the experiments.
        scale: one of `SCALES`.

    Raises:
        TableError: a file is wrong, or an experiment uses another that does not exist.
    """
    paths = sorted(folder.glob("*.yaml"))
    if not paths:
        raise TableError(f"{folder} has no experiments: give a folder with files such as learning_rate.yaml")
    experiments = tuple(read_experiment(path, scale) for path in paths)
    names = {each.name for each in experiments}
    for each in experiments:
        if each.uses is not None and each.uses not in names:
            raise TableError(f"{folder / each.name}.yaml uses {each.uses}, which is not an experiment")
    return experiments


def choose(experiments: Sequence[Experiment], names: Iterable[str]) -> tuple[Experiment, ...]:
    """Return the experiments that are named, each once; `all` means all of them.

    Raises:
        TableError: there is no experiment of a name.
    """
    known = {each.name: each for each in experiments}
    names = list(names)
    for name in names:
        if name != "all" and name not in known:
            similar = get_close_matches(name, known, n=1)
            hint = f"did you mean {similar[0]}?" if similar else "experiments.py list shows all"
            raise TableError(f"there is no experiment {name!r}: {hint}")
    return tuple(experiments) if "all" in names else tuple(known[name] for name in dict.fromkeys(names))


def read_experiment(path: Path, scale: str) -> Experiment:
    """Return the experiment in a file at a scale.

    Raises:
        TableError: the file is wrong.
    """
    content = read_yaml(path)
    scales = checked_mapping(content.pop("scales", {}), f"{path}: scales")
    check_keys(scales, (), SCALES, f"{path}: scales")
    optional = optional_fields(Experiment)
    check_keys(content, _REQUIRED, optional, str(path))
    for name, changes in scales.items():
        check_keys(checked_mapping(changes, f"{path}: scales.{name}"), (), _REPLACEABLE, f"{path}: scales.{name}")
    content |= scales.get(scale, {})
    return _experiment(path, content)


def _experiment(path: Path, content: Mapping[str, Any]) -> Experiment:
    """Check the values of a file's keys, and return the experiment."""
    for key in ("title", "question", "kind", "finding"):
        check_type(content[key], str, f"{path}: {key}", "text")
    check_type(content.get("uses"), (str, type(None)), f"{path}: uses", "the name of an experiment")
    check_type(content.get("alone", False), bool, f"{path}: alone", "true or false")
    members = checked_mapping(content["members"], f"{path}: members")
    if not members:
        raise TableError(f"{path}: members is empty: give at least one")
    seeds = content.get("seeds", [0])
    if not isinstance(seeds, list) or not seeds or len(set(seeds)) < len(seeds):
        raise TableError(f"{path}: seeds is {seeds!r}: give a list of different whole numbers")
    for seed in seeds:
        check_type(seed, int, f"{path}: a seed", "a whole number")
    mappings = {key: checked_mapping(content.get(key, {}), f"{path}: {key}") for key in ("base", "reported")}
    return Experiment(
        **{
            **content,
            **mappings,
            "name": path.stem,
            "members": {name: checked_mapping(each, f"{path}: members.{name}") for name, each in members.items()},
            "seeds": tuple(seeds),
        }
    )
