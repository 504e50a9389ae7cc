"""The trials of a search: what is tried next, which trials are stopped early, and what has been found.

A trial ends in one of four ways. It is *finished*; it has *diverged*, which counts as a loss no better than guessing;
it is *pruned*, because its losses during training are worse than those of others; or it has *failed*, which says
nothing about its settings.

What is stored survives any end of this process. The next one tries the settings of unfinished and failed trials again.
"""

import random
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import optuna
from optuna.trial import FrozenTrial, TrialState

from experimentation.search_space import Search
from trainer import TrainingInterrupted
from trainer.runtime import Interruption

_RETRY_OF, _DIVERGED, _ERROR = "retry_of", "diverged", "error"
"""Attributes of trials."""


@dataclass(frozen=True)
class Ended:
    """How an attempt has ended."""

    loss: float | None = None
    """The final validation loss; None if there is none."""
    diverged: bool = False
    error: str = "was stopped"
    """Why there is no loss."""


class Attempt(Protocol):
    """The training of a trial, which goes on while this process does something else."""

    def losses(self) -> Sequence[tuple[int, float]]:
        """Return the steps and validation losses so far."""
        ...

    def ended(self) -> Ended | None:
        """Return how it has ended; None while it goes on."""
        ...

    def stop(self) -> None:
        """Ask it to stop, without waiting until it has."""
        ...

    def close(self) -> None:
        """Wait until it has stopped, after it was asked to."""
        ...


Start = Callable[[Mapping[str, Any], int], Attempt]
"""Starts the training with some settings, in one of the places for trials that run at once, counted from 0."""


def run_trials(
    study: optuna.Study,
    search: Search,
    start: Start,
    parallel: int,
    show: Callable[[str], None],
    poll_seconds: float = 0.2,
) -> None:
    """Run trials until there are as many as the search asks for; those that are stored count.

    Args:
        study: where trials are stored.
        search: the settings to try.
        start: starts a training.
        parallel: trials at once.
        show: prints a line.
        poll_seconds: the time between two looks at those that run.

    Raises:
        OSError: a training cannot be started.
        TrainingInterrupted: the process was asked to stop; the trials that run are asked to save and stop.
    """
    enqueue_unfinished(study)
    running: list[_Running] = []
    places = deque(range(parallel))
    with Interruption() as interruption:
        try:
            while True:
                if interruption.requested:
                    done = len(counted(study)) - len(running)
                    raise TrainingInterrupted(
                        f"{interruption.requested}: {done} trials are done; start the same command again to continue"
                    )
                while places and _is_next(study, search):
                    if (begun := _begin(study, search, start, places[0])) is not None:
                        running.append(begun)
                        places.popleft()
                if not running:
                    return
                ended = [each for each in running if each.advance()]
                for each in ended:
                    running.remove(each)
                    places.append(each.place)
                    show(f"[{len(counted(study)) - len(running)}/{search.trials}] {each.summary(search)}")
                if not ended:
                    time.sleep(poll_seconds)
        finally:
            for each in running:
                each.attempt.stop()
            for each in running:
                each.attempt.close()


def enqueue_unfinished(study: optuna.Study) -> None:
    """Let the settings of each trial that has failed, or that a killed process has left, be tried again."""
    retried = _retried(study)
    for each in study.get_trials(deepcopy=False):
        if each.state not in (TrialState.RUNNING, TrialState.FAIL):
            continue
        if each.number not in retried:  # in this order: if this process is killed in between, it is not lost
            study.enqueue_trial(each.params, user_attrs={_RETRY_OF: each.number})
        if each.state == TrialState.RUNNING:
            study.tell(each.number, state=TrialState.FAIL)


def counted(study: optuna.Study) -> list[FrozenTrial]:
    """Return all trials but those that were tried again."""
    retried = _retried(study)
    return [each for each in study.get_trials(deepcopy=False) if each.number not in retried]


def _retried(study: optuna.Study) -> set[int]:
    return {each.user_attrs[_RETRY_OF] for each in study.get_trials(deepcopy=False) if _RETRY_OF in each.user_attrs}


def _is_next(study: optuna.Study, search: Search) -> bool:
    trials = counted(study)
    return len(trials) < search.trials or any(each.state == TrialState.WAITING for each in trials)


def _begin(study: optuna.Study, search: Search, start: Start, place: int) -> "_Running | None":
    """Start the next trial; if its settings are not allowed together, it fails at once, and None is returned."""
    # A sampler of its own for each trial: after a restart it draws what it would have drawn without.
    study.sampler = make_sampler(search, len(counted(study)))
    trial = study.ask({key: each.distribution() for key, each in search.space.items()})
    try:
        return _Running(study, trial, start(search.settings(trial.params), place), place)
    except ValueError as error:
        trial.set_user_attr(_ERROR, str(error))
        study.tell(trial, state=TrialState.FAIL)
        return None


def make_sampler(search: Search, trials: int) -> optuna.samplers.BaseSampler:
    """Return what chooses the settings of the next trial.

    Args:
        search: the search.
        trials: how many trials there are already.
    """
    seed = random.Random(f"{search.seed} {trials}").getrandbits(32)  # noqa: S311 - not for cryptography
    if search.sampler == "random":
        return optuna.samplers.RandomSampler(seed)
    return optuna.samplers.TPESampler(seed=seed, n_startup_trials=search.startup_trials)


def make_pruner(search: Search, steps: int, interval: int) -> optuna.pruners.BasePruner:
    """Return what decides which trials are stopped.

    Args:
        search: the search.
        steps: of each training.
        interval: steps between two evaluations.
    """
    if search.pruner == "hyperband":
        return optuna.pruners.HyperbandPruner(min_resource=min(interval, steps), max_resource=steps)
    if search.pruner == "median":  # not early, since a high rate and a long warm-up pay off later
        return optuna.pruners.MedianPruner(n_startup_trials=search.startup_trials, n_warmup_steps=steps // 4)
    return optuna.pruners.NopPruner()


@dataclass
class _Running:
    """A trial that runs."""

    study: optuna.Study
    trial: optuna.Trial
    attempt: Attempt
    place: int
    reported: int = 0
    """The last step whose loss is stored."""
    pruned: bool = False
    ended: Ended | None = None

    def advance(self) -> bool:
        """Store new losses, and how the trial has ended; return whether it has."""
        self.ended = self.attempt.ended()  # before the losses, so that those of an ended one are complete
        for step, loss in self.attempt.losses():
            if step > self.reported and not self.pruned:
                self.trial.report(loss, step)
                self.reported = step
                if self.ended is None and self.trial.should_prune():
                    self.pruned = True
                    self.attempt.stop()
        if self.ended is None:
            return False
        if self.ended.loss is not None:
            self.trial.set_user_attr(_DIVERGED, self.ended.diverged)
            self.study.tell(self.trial, self.ended.loss)
        elif self.pruned:
            self.study.tell(self.trial, state=TrialState.PRUNED)
        else:
            self.trial.set_user_attr(_ERROR, self.ended.error)
            self.study.tell(self.trial, state=TrialState.FAIL)
        return True

    def summary(self, search: Search) -> str:
        """Describe the trial in one line."""
        frozen = next(each for each in self.study.get_trials(deepcopy=False) if each.number == self.trial.number)
        loss = "" if frozen.value is None else f", validation loss {frozen.value:.4f}"
        return f"trial {frozen.number} {outcome(frozen)}{loss}: {described(search, frozen)}"


def outcome(trial: FrozenTrial) -> str:
    """Return how a trial has ended."""
    if trial.user_attrs.get(_DIVERGED):
        return "diverged"
    if trial.state == TrialState.FAIL:
        return f"failed ({trial.user_attrs.get(_ERROR, 'its process was killed')})"
    names = {TrialState.COMPLETE: "finished", TrialState.PRUNED: "pruned"}
    return names.get(trial.state, "unfinished")


def described(search: Search, trial: FrozenTrial) -> str:
    """Return the settings of a trial in one line."""
    return ", ".join(f"{key} {shown(value)}" for key, value in search.settings(trial.params).items())


def shown(value: Any) -> str:
    """Return a setting as text, floats with four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def best_first(study: optuna.Study) -> list[FrozenTrial]:
    """Return the finished trials, those with the lowest loss first."""
    return sorted(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)), key=lambda each: each.value or 0.0)


def failures(study: optuna.Study) -> list[str]:
    """Return a line for each trial that has failed and was not tried again."""
    failed = [each for each in counted(study) if each.state == TrialState.FAIL]
    return [f"trial {each.number} {outcome(each)}" for each in failed]


def table_lines(study: optuna.Study, search: Search, most: int = 10) -> list[str]:
    """Return a table of the best trials, and how all have ended."""
    ends = Counter(outcome(each).split(" (")[0] for each in counted(study))
    rows = [("trial", "loss", *search.space, "")]
    for each in best_first(study)[:most]:
        settings = search.settings(each.params)
        note = "diverged" if outcome(each) == "diverged" else ""
        rows.append((str(each.number), f"{each.value:.4f}", *(shown(settings[key]) for key in search.space), note))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [*lines, "", f"{search.title}: {', '.join(f'{number} {name}' for name, number in sorted(ends.items()))}"]
