"""Which members the experiments have at a scale, and what the result of each depends on: its fingerprint.

Members with the same fingerprint are run once, even if they belong to different experiments or have different names.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experimentation.kind_settings import read_settings
from experimentation.kinds import load_kind
from experimentation.results import FORMAT
from experimentation.scales import Scale
from experimentation.table import Experiment, Member
from experimentation.text_sources import Corpora
from experimentation.training_settings import canonical_settings, read_training
from experimentation.yaml_file import TableError, flat

TRAINING = "training"
"""The kind of members that train a model, which have the settings of a run's configuration."""


@dataclass(frozen=True)
class PlannedMember:
    """A member of an experiment with all that its result depends on."""

    experiment: Experiment
    member: Member
    settings: Mapping[str, Any]
    """All settings: those of the scale (if it trains), of the experiment, and its own."""
    fingerprint: str
    uses: "PlannedMember | None" = None
    """The member whose run it needs."""

    @property
    def kind(self) -> str:
        """Its kind."""
        return self.experiment.kind

    @property
    def title(self) -> str:
        """What messages call it: `learning_rate 1e-3, seed 0`."""
        seed = f", seed {self.member.seed}" if len(self.experiment.seeds) > 1 else ""
        return f"{self.experiment.name} {self.member.name}{seed}"

    def folder(self, directory: Path) -> Path:
        """Return its folder in the directory of the results."""
        return directory / "members" / self.fingerprint


def plan(
    experiments: Iterable[Experiment], table: Sequence[Experiment], scale: Scale, corpora: Corpora | None
) -> tuple[PlannedMember, ...]:
    """Return all members of some experiments, in their order.

    Args:
        experiments: those to plan.
        table: all experiments, among which are those that others use.
        scale: the scale.
        corpora: the texts; None if they have not been made, so that no result can be known.

    Raises:
        TableError: a member's settings are not those of its kind, or are not allowed.
    """
    by_name = {each.name: each for each in table}
    members = []
    for experiment in experiments:
        uses = None
        if experiment.uses is not None:
            used = by_name[experiment.uses]
            if used.kind != TRAINING:
                raise TableError(f"experiment {experiment.name} uses {used.name}, which trains no model: name another")
            uses = _planned(used, used.runs()[0], scale, corpora)
        members += [_planned(experiment, member, scale, corpora, uses) for member in experiment.runs()]
    return tuple(members)


def _planned(
    experiment: Experiment, member: Member, scale: Scale, corpora: Corpora | None, uses: PlannedMember | None = None
) -> PlannedMember:
    settings = {**flat(experiment.base), **flat(member.settings)}
    trains = experiment.kind == TRAINING
    if trains:
        settings = {**scale.base, **settings}
    try:
        relevant = canonical_settings(read_training(settings, scale)) if trains else settings
        if not trains:
            read_settings(load_kind(experiment.kind).Settings, settings)
    except ValueError as error:
        raise TableError(f"experiment {experiment.name}, member {member.name}: {error}") from None
    content = {
        "format": FORMAT,
        "kind": experiment.kind,
        "settings": relevant,
        "seed": member.seed,
        "texts": _digests(corpora, settings, trains=trains),
        "uses": None if uses is None else uses.fingerprint,
    }
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return PlannedMember(experiment, member, settings, digest, uses)


def _digests(corpora: Corpora | None, settings: Mapping[str, Any], *, trains: bool) -> list[str]:
    """Return the digests of the corpora that a member works on."""
    if corpora is None:
        return ["not known yet"]
    if trains:
        text = corpora.other_text if settings.get("corpus") == "other" else corpora.text
        return [text.digest]
    return [corpora.text.digest, corpora.other_text.digest]
