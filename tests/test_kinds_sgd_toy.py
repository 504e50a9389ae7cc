"""The toy problem for SGD, against its closed form and the figures that are reported elsewhere."""

import math

import pytest

from experimentation.kinds import sgd_toy


@pytest.fixture(scope="module")
def outcome():
    return sgd_toy.run({"learning_rates": [1, 10, 100, 1000], "steps": 10}, 0, None)


def test_losses_follow_from_the_gradient(outcome):
    """Each step multiplies w by 1 − lr·2/(100·√(t + 1)); at rate 100 a factor is 0, and only rounding is left."""
    for row in outcome.rows:
        factors = [1 - row["learning_rate"] * 2 / 100 / math.sqrt(t) for t in range(1, 10)]
        expected = row["first_loss"] * math.prod(factors) ** 2
        assert row["exact_last_loss"] == pytest.approx(expected, rel=1e-9, abs=1e-30)
        if row["learning_rate"] == 100:
            assert row["exact_last_loss"] < row["last_loss"] < 1e-20
        else:
            assert row["last_loss"] == pytest.approx(expected, rel=1e-4)


def test_the_last_losses_have_the_reported_size(outcome):
    assert 1e-24 < outcome.values["last_loss_100"] < 1e-22
    assert 1e17 < outcome.values["last_loss_1000"] < 1e19
    assert outcome.values["last_loss_100"] < outcome.values["last_loss_10"] < outcome.values["last_loss_1"]


def test_only_the_rate_whose_loss_grows_has_diverged(outcome):
    assert [row["learning_rate"] for row in outcome.rows if row["diverged"]] == [1000]
    assert outcome.status == "finished"  # that a rate diverges is what the member is to find


def test_a_loss_that_is_not_finite_has_diverged():
    assert sgd_toy.Descent(1.0, (3.0, math.nan), (0.0, 0.0)).diverged
    assert sgd_toy.Descent(1.0, (3.0, math.inf), (0.0, 0.0)).diverged
    assert not sgd_toy.Descent(0.0, (3.0, 3.0), (0.0, 0.0)).diverged


def test_curves_have_the_loss_before_each_step(outcome):
    assert list(outcome.curves) == ["rate 1", "rate 10", "rate 100", "rate 1000"]
    for row, curve in zip(outcome.rows, outcome.curves.values(), strict=True):
        assert curve["step"] == list(range(10))
        assert (curve["value"][0], curve["value"][-1]) == (row["first_loss"], row["last_loss"])
        assert list(curve["seconds"]) == sorted(curve["seconds"])


def test_all_rates_have_the_same_start_which_the_seed_decides(outcome):
    assert len({row["first_loss"] for row in outcome.rows}) == 1
    other = sgd_toy.run({"learning_rates": [1]}, 1, None)
    assert other.rows[0]["first_loss"] != outcome.rows[0]["first_loss"]
    assert sgd_toy.run({"learning_rates": [1]}, 0, None).values["last_loss_1"] == outcome.values["last_loss_1"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rates": []}, "learning_rates is empty"),
        ({"learning_rates": [-1]}, "lr"),
        ({"steps": 0}, "steps is 0"),
        ({"learning_rate": [1]}, "did you mean --learning_rates"),
    ],
)
def test_mistakes_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        sgd_toy.run(settings, 0, None)
