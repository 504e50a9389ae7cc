"""The ladder's decisions, with a trainer whose losses are known."""

import pytest

from benchmarks.leaderboard.changes import CHANGES, Change
from benchmarks.leaderboard.trials import LEAST_GAIN, Trials, climb, compare, judge

GOOD = Change("good", {"model.qk_norm": "true"}, "somebody")
SLOW = Change("better, but slow", {"model.num_layers": "12"}, "somebody")
BAD = Change("bad", {"optimizer.name": "sgd"}, "somebody")


class FakeTrainer:
    """Losses fall with the number of steps; `good` lowers them by 0.1, `bad` raises them."""

    def __init__(self):
        self.trained = []

    def losses(self, options, steps, seeds):
        self.trained.append((dict(options), steps))
        loss = 5 - 0.001 * steps - 0.1 * ("model.qk_norm" in options) + 0.2 * ("optimizer.name" in options)
        loss -= 0.3 * ("model.num_layers" in options)
        return [loss + 0.002 * seed for seed in seeds]

    def relative_step_time(self, options):
        return (2.0 if "model.num_layers" in options else 1.0), 0.1


@pytest.fixture
def trials():
    return Trials(FakeTrainer(), 1000, range(2), [], lambda: None, lambda _message: None)


def test_a_change_is_kept_if_it_pays_and_later_ones_are_added_to_it(trials):
    kept = climb(trials, [BAD, GOOD, SLOW])
    assert kept == GOOD.options
    assert [trial["kept"] for trial in trials.done[1:]] == [False, True, False]
    assert trials.done[3]["options"] == GOOD.options | SLOW.options


def test_all_trials_take_the_time_of_the_reference(trials):
    climb(trials, [GOOD, SLOW])
    assert [trial["steps"] for trial in trials.done] == [1000, 1000, 500]


def test_an_interrupted_ladder_measures_only_what_is_missing(trials):
    climb(trials, [BAD])
    again = Trials(FakeTrainer(), 1000, range(2), trials.done, lambda: None, lambda _message: None)
    climb(again, [BAD, GOOD])
    assert [options for options, _ in again.trainer.trained] == [GOOD.options]


def test_results_of_other_changes_are_refused(trials):
    climb(trials, [BAD])
    with pytest.raises(ValueError, match="trial 1 of the results is 'bad', but the one to measure is 'good'"):
        climb(trials, [GOOD])


def test_each_trial_is_saved(trials):
    saved = []
    trials.save = lambda: saved.append(len(trials.done))
    climb(trials, [BAD, GOOD])
    assert saved == [1, 2, 3]


def test_configurations_are_compared_with_the_reference(trials):
    compare(trials, ["one.yaml", "two.yaml"])
    assert [trial["options"] for trial in trials.done] == [{}, {"config": "one.yaml"}, {"config": "two.yaml"}]


@pytest.mark.parametrize(
    ("gains", "kept"),
    [([0.1, 0.1], True), ([0.5, -0.01], False), ([LEAST_GAIN / 2] * 2, False), ([float("-inf"), 1.0], False)],
)
def test_a_change_must_help_every_seed(gains, kept):
    assert judge(gains)["kept"] is kept


def test_changes_are_settings_of_the_training_applications():
    from text_config import TextRunConfig
    from trainer import parse_config

    for change in CHANGES:
        parse_config(TextRunConfig, [f"--{key}={value}" for key, value in change.options.items()])
    assert len({change.name for change in CHANGES}) == len(CHANGES)
