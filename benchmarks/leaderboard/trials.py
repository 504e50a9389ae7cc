"""Configurations trained at equal time, each with the same seeds; what has been measured is not measured again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Protocol

from benchmarks.leaderboard.changes import Change, Options

LEAST_GAIN = 0.01
"""A change is kept if it lowers the loss with every seed, and by at least so many nats on average."""

Trial = dict[str, Any]
"""A change that was tried: its name, options and source, the losses of its seeds, its gain, and whether it was kept."""


class Trainer(Protocol):
    """What trials need: see `benchmarks.leaderboard.training.Training`."""

    def losses(self, options: Options, steps: int, seeds: Sequence[int]) -> list[float]:
        """Train once with each seed; return the final losses."""
        ...

    def relative_step_time(self, options: Options) -> tuple[float, float]:
        """Return the time of a step relative to the reference's, and that one's in seconds."""
        ...


@dataclass
class Trials:
    """Trains configurations for the same time as the reference, which is the first trial."""

    trainer: Trainer
    steps: int
    """Steps of the reference. The others train for as long as these take; start and evaluation are not counted."""
    seeds: Sequence[int]
    done: list[Trial]
    """The trials so far; new ones are appended."""
    save: Callable[[], None]
    """Called after each new trial."""
    show: Callable[[str], None]

    def trial(self, number: int, change: Change, options: Options) -> Trial:
        """Return a trial, measured now if it is not among those that are done.

        Args:
            number: its place.
            change: what is tried.
            options: all that differs from the reference, the change included.

        Raises:
            ValueError: another change was measured at this place.
        """
        if number < len(self.done):
            trial = self.done[number]
            if (trial["name"], trial["options"]) != (change.name, options):
                raise ValueError(
                    f"trial {number} of the results is {trial['name']!r}, but the one to measure is {change.name!r}: "
                    "start with a new file of results"
                )
            return trial
        self.show(f"trial {number}: {change.name}")
        ratio, reference_seconds = self.trainer.relative_step_time(options) if options else (1.0, None)
        trial = {
            "name": change.name,
            "source": change.source,
            "options": options,
            "relative_step_time": ratio,
            "reference_step_seconds": reference_seconds,
            "steps": max(1, round(self.steps / ratio)),
        }
        trial["losses"] = self.trainer.losses(options, trial["steps"], self.seeds)
        self.done.append(trial)
        return trial


REFERENCE = Change("the specification's configuration", {}, "specification")


def climb(trials: Trials, changes: Sequence[Change]) -> Options:
    """Add the changes in order, each to those that were kept before; return the options that were kept."""
    kept: Options = {}
    best = trials.trial(0, REFERENCE, {})
    trials.save()
    for number, change in enumerate(changes, start=1):
        options = {**kept, **change.options}
        trial = trials.trial(number, change, options)
        trial |= judge([before - after for before, after in zip(best["losses"], trial["losses"], strict=True)])
        trials.save()
        if trial["kept"]:
            kept, best = options, trial
    return kept


def compare(trials: Trials, configs: Sequence[str]) -> None:
    """Train the reference and some configuration files."""
    trials.trial(0, REFERENCE, {})
    for number, config in enumerate(configs, start=1):
        trials.save()
        trials.trial(number, Change(config, {"config": config}, "configuration"), {"config": config})
    trials.save()


def judge(gains: Sequence[float]) -> Trial:
    """Return the average gain in nats, and whether the change is kept.

    >>> judge([0.03, 0.01])
    {'gain': 0.02, 'kept': True}
    >>> judge([0.05, -0.01])["kept"]
    False
    """
    gain = fmean(gains)
    return {"gain": round(gain, 6), "kept": min(gains) > 0 and gain >= LEAST_GAIN}
