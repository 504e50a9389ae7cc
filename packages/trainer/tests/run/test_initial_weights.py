"""A run that was given its initial weights."""

import json

import pytest
import torch

from nn import TransformerLM
from trainer import CheckpointError, RunDirectory, evaluate, open_data, read_metrics
from trainer.data import validation_batches
from trainer.run import WeightsSource, restore_initial_weights, save_initial_weights

from ..run_helpers import changed, same, train_run

SOURCE = WeightsSource("elsewhere", 7, {"model.safetensors": "ab" * 32}, ("model.window is 4, None there",))


def given(config, run, seed=5):
    model = TransformerLM(config.model, generator=torch.Generator().manual_seed(seed))
    save_initial_weights(model, run, SOURCE)
    return model


def test_they_are_stored_with_their_source(config, run):
    model = given(config, run)
    other = TransformerLM(config.model)
    assert restore_initial_weights(other, run) == SOURCE
    assert same(model.state_dict(), other.state_dict())


def test_a_run_starts_from_them_and_says_so(config, run):
    config = changed(config, training={"eval_batches": None})
    model = given(config, run)
    data = open_data(config.data, config.model)
    train_run(config, run)
    first = read_metrics(run.metrics)[0]
    assert first["step"] == 0
    expected = evaluate(model, validation_batches(data.valid, 4, config.model.context_length, "cpu"))
    assert first["valid_loss"] == pytest.approx(expected, rel=1e-6)
    assert (
        "initial weights from elsewhere, trained for 7 steps (SHA-256 of model.safetensors abab" in run.log.read_text()
    )
    (session,) = json.loads(run.environment.read_text())["sessions"]
    assert session["initial_weights"]["step"] == 7


def test_they_decide_the_run_and_are_not_needed_to_resume(tmp_path, config):
    """Resumed without them, a run of 10 + 10 steps equals one of 20; with others it does not."""
    results = []
    for name, seed in (("whole", 5), ("resumed", 5), ("other", 6)):
        run = RunDirectory(tmp_path / name)
        run.path.mkdir()
        given(config, run, seed)
        results.append(train_run(config, run).model.state_dict())
        if name == "resumed":
            for path in (run.checkpoint(20), run.initial_weights):
                path.rename(tmp_path / path.name)
            results[-1] = train_run(config, run, resume=True).model.state_dict()
    assert same(results[0], results[1])
    assert not same(results[0], results[2])


def test_those_of_another_model_are_refused(config, run):
    given(changed(config, model={"d_ff": 48}), run)
    with pytest.raises(CheckpointError, match=r"initial_weights belongs to a different model: blocks\.0\.feedforward"):
        train_run(config, run)


def test_a_source_that_was_not_copied_is_refused(config, run):
    with pytest.raises(ValueError, match=r"run\.init_from is 'gone', but there are no weights in .*initial_weights"):
        train_run(changed(config, run={"init_from": "gone"}), run)


def test_a_stop_before_the_first_step(config, run, monkeypatch):
    from trainer import TrainingInterrupted
    from trainer.evaluation import EvaluationStopped, Evaluator

    def stopped(*arguments, **options):
        raise EvaluationStopped

    given(config, run)
    monkeypatch.setattr(Evaluator, "measure", stopped)
    with pytest.raises(TrainingInterrupted, match="no step was done yet"):
        train_run(config, run)
