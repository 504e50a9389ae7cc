"""The time limit of a run, with a clock that only the computations move: a gradient takes 0.1 s, a batch of an
evaluation 0.05 s, so that all of the validation tokens take 0.85 s."""

from types import SimpleNamespace

import pytest
import torch

from trainer import RunDirectory, TrainingInterrupted, evaluate, open_data, read_metrics
from trainer.data import validation_batches
from trainer.evaluation import EvaluationStopped, Evaluator
from trainer.train_state import LossModule

from .conftest import make_config, make_token_files
from .run_helpers import changed, state_of, train_run

LIMIT = 4.0
FINAL = 17 * 0.05


@pytest.fixture(scope="module", autouse=True)
def _clock():
    seconds = 1000.0

    def forward(self, inputs, targets, original=LossModule.forward):
        nonlocal seconds
        seconds += 0.1 if torch.is_grad_enabled() else 0.05
        return original(self, inputs, targets)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LossModule, "forward", forward)
        for module in ("loop", "train_state", "evaluation", "checkpoints.background"):
            patch.setattr(f"trainer.{module}.time", SimpleNamespace(perf_counter=lambda: seconds))
        yield


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """Configuration, folder and result of a run that has ended at its limit; tests only read them."""
    folder = tmp_path_factory.mktemp("limited")
    config = limited(make_config(folder, make_token_files(folder)))
    run = RunDirectory(folder / "run")
    run.path.mkdir()
    return config, run, train_run(config, run)


@pytest.fixture
def config(config):
    return limited(config)


def limited(config):
    return changed(
        config,
        training={"steps": 10_000, "max_seconds": LIMIT, "eval_interval": 9, "log_interval": 1}
        | {"final_eval_batches": None, "checkpoint_interval": 12},
        checkpoints={"background": False},  # by this clock, writing one takes no time
        schedule={"by": "time", "shape": "linear", "max_lr": 1e-3, "min_lr": 1e-4, "warmup_fraction": 0.0},
    )


def training_entries(run):
    return [entry for entry in read_metrics(run.metrics) if "train_loss" in entry]


def valid_losses(run):
    return {entry["step"]: entry["valid_loss"] for entry in read_metrics(run.metrics) if "valid_loss" in entry}


def test_the_final_evaluation_ends_within_the_limit(ended):
    config, run, result = ended
    trained = training_entries(run)[-1]["seconds"]
    assert LIMIT - 0.2 - 1.2 * FINAL < trained <= LIMIT - FINAL
    assert result.seconds == pytest.approx(trained + FINAL)
    assert result.seconds <= LIMIT
    valid = open_data(config.data, config.model).valid
    all_tokens = validation_batches(valid, 4, config.model.context_length, "cpu")
    assert result.valid_loss == pytest.approx(evaluate(result.model, all_tokens), rel=1e-5)
    log = run.log.read_text()
    assert "time limit 4 s, of which 0.9 s are reserved for the final evaluation (about 0.8 s) and the last" in log
    assert f"trained for {trained:.1f} s, then 0.8 s for the final evaluation and the last checkpoint (0.9 s" in log


def test_the_schedule_ends_with_the_training(ended):
    rates = [entry["learning_rate"] for entry in training_entries(ended[1])]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] == pytest.approx(1e-3, rel=0.2)
    assert rates[-1] == pytest.approx(1e-4, rel=0.3)


def test_the_clock_starts_before_the_first_gradient(ended):
    """It includes the rehearsal, in which most is compiled, and the batches that measure the evaluation's speed."""
    assert training_entries(ended[1])[0]["seconds"] == pytest.approx(0.1 + 5 * 0.05 + 0.1)


def test_the_loss_on_other_batches_does_not_count_as_the_best(ended):
    _, run, result = ended
    losses = valid_losses(run)
    assert losses.pop(result.steps) == result.valid_loss
    state = state_of(run, result.steps)
    assert (state["best_step"], state["best_loss"]) == min(losses.items(), key=lambda item: item[1])


def test_a_run_that_ended_at_its_limit_is_finished(config, run):
    first = train_run(config, run)
    assert first.seconds < LIMIT
    again = train_run(config, run, resume=True)
    assert (again.steps, again.valid_loss) == (first.steps, first.valid_loss)
    longer = train_run(changed(config, training={"max_seconds": LIMIT + 2}), run, resume=True)
    assert first.steps + 5 < longer.steps
    assert LIMIT + 1 < longer.seconds <= LIMIT + 2


def test_a_resumed_run_keeps_to_the_limit(config, run, ended):
    train_run(changed(config, training={"steps": 12}), run)
    result = train_run(config, run, resume=True)
    assert LIMIT - 0.5 < result.seconds <= LIMIT
    assert 12 < result.steps < ended[2].steps  # the rehearsal and the measurement are made again


def test_an_evaluation_that_would_delay_the_end_is_not_made(config, run):
    result = train_run(changed(config, training={"eval_interval": 1, "eval_batches": None}), run)
    assert LIMIT - 1.2 * FINAL < result.seconds <= LIMIT
    assert len(valid_losses(run)) == 3


def test_a_stop_in_the_final_evaluation(config, run, monkeypatch):
    """The run is finished but for its evaluation, which is made when it is resumed."""

    def stopped(self, step, *, final=False, original=Evaluator.measure):
        if final:
            raise EvaluationStopped
        return original(self, step, final=final)

    with monkeypatch.context() as patch:
        patch.setattr(Evaluator, "measure", stopped)
        with pytest.raises(TrainingInterrupted):
            train_run(config, run)
    steps = len(training_entries(run))
    result = train_run(config, run, resume=True)
    assert (result.steps, len(training_entries(run))) == (steps, steps)
    assert valid_losses(run)[steps] == result.valid_loss


def test_a_limit_that_is_too_short_is_refused(config, run):
    with pytest.raises(
        ValueError, match=r"max_seconds is 0\.7, but the final evaluation \(about 0\.8 s\) and the last"
    ):
        train_run(changed(config, training={"max_seconds": 0.7}), run)
    assert read_metrics(run.metrics) == []
