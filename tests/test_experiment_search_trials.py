"""The trials of a search, on losses that a test gives instead of training."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field

import optuna
import pytest

from experimentation.search_command import open_study
from experimentation.search_space import Dimension, Search
from experimentation.search_trials import (
    Ended,
    best_first,
    counted,
    failures,
    make_pruner,
    outcome,
    run_trials,
    table_lines,
)
from trainer import TrainingInterrupted

from .conftest import APPS, ROOT

STEPS = 8


def make_search(**changes):
    space = {"x": Dimension("uniform", (0.0, 1.0)), "betas": Dimension("choices", ([0.9, 0.95], [0.9, 0.99]))}
    return Search("tiny", "Tiny", space, **{"trials": 10, "startup_trials": 3, **changes})


@dataclass
class Scripted:
    """A training that logs one loss each time it is looked at."""

    curve: list
    end: Ended
    at_once: bool = False
    """Whether all losses are there at the first look."""
    stopped: bool = False
    closed: bool = False
    looks: int = 0

    def losses(self):
        return list(enumerate(self.curve, 1))[: None if self.at_once else self.looks]

    def ended(self):
        self.looks += 1
        if self.stopped:
            return Ended()
        return self.end if self.looks > len(self.curve) else None

    def stop(self):
        self.stopped = True

    def close(self):
        self.closed = True


@dataclass
class Starter:
    """Starts scripted trainings, whose loss is x at all steps, unless `make` makes others."""

    make: object = None
    started: list = field(default_factory=list)
    calls: int = 0

    def __call__(self, settings, place):
        x = settings["x"]
        self.calls += 1
        attempt = Scripted([x] * STEPS, Ended(x)) if self.make is None else self.make(self.calls - 1, settings)
        self.started.append((settings, place, attempt))
        return attempt

    @property
    def attempts(self):
        return [attempt for _, _, attempt in self.started]


@pytest.fixture
def study():
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(direction="minimize")


def run(study, search, starter, parallel=1):
    lines = []
    study.pruner = make_pruner(search, STEPS, 1)
    run_trials(study, search, starter, parallel, lines.append, poll_seconds=0)
    return lines


def states(study):
    return [outcome(trial).split(" (")[0] for trial in study.get_trials()]


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_trials_are_made_until_there_are_enough(study, sampler):
    search, starter = make_search(sampler=sampler, pruner="none"), Starter()
    lines = run(study, search, starter, parallel=3)
    assert states(study) == ["finished"] * 10
    assert sorted(line.split("]")[0] for line in lines) == sorted(f"[{number}/10" for number in range(1, 11))
    assert {place for _, place, _ in starter.started} == {0, 1, 2}
    assert all(settings["betas"] in ([0.9, 0.95], [0.9, 0.99]) for settings, _, _ in starter.started)
    losses = [trial.value for trial in best_first(study)]
    assert losses == sorted(settings["x"] for settings, _, _ in starter.started)
    assert len(set(losses)) == 10

    assert run(study, search, starter) == []
    run(study, make_search(sampler=sampler, trials=12), starter)
    assert len(starter.started) == 12


def test_trials_that_are_worse_than_the_median_are_stopped(study):
    losses = [0.5, 0.4, 0.6, 0.9, 0.1, 0.8]
    starter = Starter(lambda number, _: Scripted([losses[number]] * STEPS, Ended(losses[number])))
    run(study, make_search(trials=6), starter)
    assert states(study) == ["finished"] * 3 + ["pruned", "finished", "pruned"]
    assert [attempt.stopped for attempt in starter.attempts] == [False, False, False, True, False, True]
    # Not before a quarter of the steps: a high rate pays off later.
    assert [trial.last_step for trial in study.get_trials()] == [STEPS] * 3 + [STEPS // 4, STEPS, STEPS // 4]
    assert table_lines(study, make_search())[-1] == "Tiny: 4 finished, 2 pruned"


def test_what_has_ended_is_not_pruned(study):
    """All losses are there at the first look, together with the end: nothing is saved by stopping."""

    def make(number, _):
        loss = 0.9 if number == 3 else 0.1
        attempt = Scripted([loss] * STEPS, Ended(loss), at_once=True)
        attempt.looks = STEPS
        return attempt

    run(study, make_search(trials=4), Starter(make))
    assert states(study) == ["finished"] * 4
    assert study.get_trials()[3].value == 0.9


def test_hyperband_stops_most_of_those_that_are_worse(study):
    starter = Starter(lambda number, _: Scripted([number / 30] * 27, Ended(number / 30)))
    study.pruner = make_pruner(make_search(pruner="hyperband"), 27, 1)
    run_trials(study, make_search(trials=30), starter, 1, lambda _: None, poll_seconds=0)
    assert 5 < states(study).count("pruned") < 30
    assert states(study)[0] == "finished"


def test_a_diverged_trial_is_a_result_that_is_worse_than_others(study):
    def make(number, settings):
        return Scripted([9.0], Ended(6.2, diverged=True)) if number == 1 else Scripted([1.0], Ended(settings["x"]))

    lines = run(study, make_search(trials=5, pruner="none"), Starter(make))
    assert states(study) == ["finished", "diverged", "finished", "finished", "finished"]
    assert best_first(study)[-1].value == 6.2
    assert any("trial 1 diverged, validation loss 6.2000" in line for line in lines)
    assert not failures(study)
    table = table_lines(study, make_search())
    assert table[0].split() == ["trial", "loss", "x", "betas"]
    assert table[5].split()[0] == "1"
    assert table[5].endswith("diverged")
    assert table[-1] == "Tiny: 1 diverged, 4 finished"


def test_a_failed_trial_does_not_stop_the_others_and_is_tried_again_by_the_next_start(study):
    def make(number, settings):
        if number == 1:
            raise ValueError("not allowed together")
        return Scripted([], Ended(error="exit code 1") if number == 2 else Ended(settings["x"]))

    search, starter = make_search(trials=4), Starter(make)
    run(study, search, starter)
    assert states(study) == ["finished", "failed", "failed", "finished"]
    assert failures(study) == ["trial 1 failed (not allowed together)", "trial 2 failed (exit code 1)"]

    again = Starter()
    run(study, search, again)
    assert [trial.params for trial in study.get_trials()[4:]] == [trial.params for trial in study.get_trials()[1:3]]
    assert (len(again.started), len(counted(study)), failures(study)) == (2, 4, [])
    assert run(study, search, Starter()) == []


def test_a_request_to_stop_stops_all_that_run(study):
    def make(number, settings):
        if number == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return Scripted([1.0] * 1000, Ended(1.0))

    starter = Starter(make)
    with pytest.raises(TrainingInterrupted, match="SIGTERM: 0 trials are done; start the same command again"):
        run(study, make_search(), starter, parallel=3)
    assert [(attempt.stopped, attempt.closed) for attempt in starter.attempts] == [(True, True)] * 3


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.test_experiment_search_trials import Starter, Scripted, Ended, make_search, open_study, run

def make(number, settings):
    if number == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return Scripted([settings["x"]], Ended(settings["x"]))

with open_study(Path(sys.argv[1]), make_search()) as study:
    run(study, make_search(pruner="none"), Starter(make))
"""


def test_a_killed_search_continues_as_if_it_had_not_been(tmp_path, study):
    path = tmp_path / "searches" / "tiny.db"
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{APPS}"}
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, path], env=environment, capture_output=True, text=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    search = make_search(pruner="none")
    with open_study(path, search) as resumed:
        assert states(resumed) == ["finished"] * 4 + ["unfinished"]
        starter = Starter()
        run(resumed, search, starter)
        run(study, search, Starter())
        assert len(starter.started) == 6
        assert [trial.params for trial in counted(resumed)] == [trial.params for trial in study.get_trials()]
        assert [trial.value for trial in counted(resumed)] == [trial.value for trial in study.get_trials()]
        assert resumed.get_trials()[4].params == resumed.get_trials()[5].params
