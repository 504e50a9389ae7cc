import dataclasses
import importlib
import json
import math
import os
import shutil
import signal
import time
from pathlib import Path

import pytest
import torch

from nn import TransformerLM
from trainer import (
    CheckpointError,
    DataError,
    DivergedError,
    OptimizerConfig,
    RunDirectory,
    TrainingInterrupted,
    load_checkpoint,
    open_data,
    read_metrics,
    train,
)
from trainer.checkpoints import CheckpointWriteError, open_checkpoint
from trainer.checkpoints.retrying import Saver
from trainer.reporting.metrics_file import MetricsError


def changed(config, **groups):
    """Return the configuration with some keys of some groups replaced."""
    return dataclasses.replace(
        config, **{name: dataclasses.replace(getattr(config, name), **keys) for name, keys in groups.items()}
    )


def run_it(config, run, *, resume=False):
    return train(config, run, open_data(config.data, config.model), resume=resume)


def weights(run, config, step):
    model = TransformerLM(config.model)
    load_checkpoint(run.checkpoint(step), model)
    return model.state_dict()


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def figures(run):
    """What a run has told, but for what depends on the clock."""
    return [(entry["step"], entry.get("train_loss"), entry.get("valid_loss")) for entry in read_metrics(run.metrics)]


def state_of(run, step):
    return json.loads((run.checkpoint(step) / "state.json").read_text())


def test_it_learns_and_leaves_everything_behind(config, run):
    config = changed(config, training={"steps": 150, "eval_interval": 50, "checkpoint_interval": 100})
    result = run_it(config, run)
    entries = read_metrics(run.metrics)
    losses = [entry["train_loss"] for entry in entries if "train_loss" in entry]
    assert losses[0] > 0.8 * math.log(31)
    assert result.valid_loss < 0.6 * losses[0]
    assert [entry["step"] for entry in entries if "valid_loss" in entry] == [50, 100, 150]
    assert entries[-1]["valid_loss"] == result.valid_loss
    assert sorted(path.name for path in run.checkpoints.iterdir()) == ["step_00000100", "step_00000150"]
    assert same(weights(run, config, 150), result.model.state_dict())
    assert "validation loss" in run.log.read_text()
    assert run.environment.is_file()


def test_what_an_entry_says(config, run):
    run_it(config, run)
    entry = read_metrics(run.metrics)[1]
    assert entry["step"] == 5
    assert entry["tokens"] == 5 * 4 * 8
    assert entry["train_perplexity"] == pytest.approx(math.exp(entry["train_loss"]))
    assert 0 < entry["learning_rate"] <= 1e-2
    assert entry["grad_norm"] > 0
    assert entry["tokens_per_second"] > 0
    assert entry["seconds"] > 0


@pytest.mark.parametrize("accumulation", [1, 2])
@pytest.mark.parametrize("optimizer", ["adamw", "muon", "sgd"])
@pytest.mark.parametrize("stop", [7, 10])
def test_stopping_and_resuming_changes_no_bit(tmp_path, config, accumulation, optimizer, stop):
    """N steps equal k steps, a new process' worth of fresh objects, and N − k steps; also between evaluations."""
    config = dataclasses.replace(config, optimizer=OptimizerConfig(name=optimizer))
    config = changed(config, training={"gradient_accumulation": accumulation, "checkpoint_interval": stop})
    runs = [RunDirectory(tmp_path / name) for name in ("whole", "stopped")]
    for run in runs:
        run.path.mkdir()
    run_it(config, runs[0])

    class Stopped(Exception):
        pass

    with pytest.MonkeyPatch.context() as patch:

        def save_and_stop(self, progress, original=Saver.save):
            original(self, progress)
            raise Stopped

        patch.setattr(Saver, "save", save_and_stop)
        with pytest.raises(Stopped):
            run_it(config, runs[1])
    assert runs[1].latest_checkpoint() == runs[1].checkpoint(stop)
    torch.manual_seed(123)  # nothing may depend on it
    run_it(config, runs[1], resume=True)
    assert same(weights(runs[0], config, 20), weights(runs[1], config, 20))
    assert figures(runs[0]) == figures(runs[1])


@pytest.mark.parametrize("data", [{"order": "epoch"}, {"train_weights": (1.0, 3.0)}])
def test_resuming_changes_no_bit_with_several_files(tmp_path, config, data):
    """Epochs of 124 windows and batches of 40: the run stops in the middle of the second."""
    files = (config.data.valid_tokens, config.data.valid_tokens)
    config = changed(config, data={"train_tokens": files, **data})
    config = changed(config, training={"steps": 6, "batch_size": 40, "checkpoint_interval": 4})
    runs = [RunDirectory(tmp_path / name) for name in ("whole", "stopped")]
    for run in runs:
        run.path.mkdir()
    run_it(config, runs[0])
    # What the schedule says of the steps until 4 depends on how many there are in all: so 4 of 6, not 4 of 4.
    run_it(config, runs[1])
    shutil.rmtree(runs[1].checkpoint(6))
    run_it(config, runs[1], resume=True)
    assert same(weights(runs[0], config, 6), weights(runs[1], config, 6))


def test_metrics_after_the_checkpoint_are_not_told_twice(config, run):
    run_it(config, run)
    run.checkpoint(20).rename(run.path / "gone")  # as if it had stopped between step 10 and step 20
    before = read_metrics(run.metrics)
    run_it(config, run, resume=True)
    after = read_metrics(run.metrics)
    assert [entry["step"] for entry in after] == [entry["step"] for entry in before]
    assert [entry.get("train_loss") for entry in after] == [entry.get("train_loss") for entry in before]
    seconds = [entry["seconds"] for entry in after]
    assert seconds == sorted(seconds)


def test_a_run_can_be_prolonged(config, run):
    run_it(config, run)
    result = run_it(changed(config, training={"steps": 30}), run, resume=True)
    assert result.steps == 30
    assert run.latest_checkpoint() == run.checkpoint(30)


def test_a_finished_run_is_only_evaluated(config, run):
    first = run_it(config, run)
    again = run_it(config, run, resume=True)
    assert again.valid_loss == first.valid_loss
    assert same(first.model.state_dict(), again.model.state_dict())
    steps = [entry["step"] for entry in read_metrics(run.metrics) if "valid_loss" in entry]
    assert steps == [10, 20]  # told once


def test_a_checkpoint_tells_of_schedule_and_configuration(config, run):
    run_it(config, run)
    earlier, last = (state_of(run, step) for step in (10, 20))
    entries = {entry["step"]: entry for entry in read_metrics(run.metrics) if "learning_rate" in entry}
    assert last["schedule"]["shape"] == "cosine"
    assert last["schedule"]["max_lr"] == 1e-2
    assert [state["schedule"]["learning_rate"] for state in (earlier, last)] == [
        entries[step]["learning_rate"] for step in (10, 20)
    ]
    assert earlier["config_digest"] == last["config_digest"]
    run_it(changed(config, training={"steps": 21}), run, resume=True)
    other = state_of(run, 21)
    assert other["config_digest"] != last["config_digest"]


def test_the_seed_decides_everything(tmp_path, config):
    states = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run = RunDirectory(tmp_path / name)
        run.path.mkdir()
        states.append(run_it(changed(config, run={"seed": seed}), run).model.state_dict())
    assert same(states[0], states[1])
    assert not same(states[0], states[2])


def test_the_same_seed_gives_the_same_bits_with_several_threads(tmp_path, config):
    """Tensors large enough for torch to share them out to threads, whose order must not show."""
    config = changed(
        config,
        model={"d_model": 128, "num_heads": 2, "d_ff": 256, "context_length": 64},
        training={"batch_size": 16, "steps": 6},
    )
    states = []
    for name in ("a", "b", "c"):
        run = RunDirectory(tmp_path / name)
        run.path.mkdir()
        states.append(run_it(config, run).model.state_dict())
    assert same(states[0], states[1])
    assert same(states[0], states[2])


def test_accumulation_gives_the_same_curve(tmp_path, config):
    curves = []
    for accumulation in (1, 4):
        run = RunDirectory(tmp_path / str(accumulation))
        run.path.mkdir()
        run_it(changed(config, training={"gradient_accumulation": accumulation}), run)
        curves.append([entry["valid_loss"] for entry in read_metrics(run.metrics) if "valid_loss" in entry])
    assert curves[0] == pytest.approx(curves[1], rel=1e-3)


def test_resuming_without_a_checkpoint_is_refused(config, run):
    with pytest.raises(CheckpointError, match="contains no checkpoint"):
        run_it(config, run, resume=True)


def test_a_jump_of_the_loss_is_told(config, run, monkeypatch):
    from trainer import guarded_updates

    losses = iter([2.0 + 0.01 * (step % 3) + (step in (70, 110)) for step in range(1, 121)])
    figures = lambda *_, **__: (torch.tensor(next(losses)), torch.tensor(1.0))  # noqa: E731
    monkeypatch.setattr(guarded_updates, "compute_gradients", figures)
    monkeypatch.setattr(guarded_updates, "apply_update", lambda *_: None)
    config = changed(config, training={"steps": 100, "log_interval": 1, "eval_interval": 100})
    run_it(config, run)
    assert "step 70: the loss has jumped to 3.010" in run.log.read_text()
    assert run.log.read_text().count("jumped") == 1
    run_it(changed(config, training={"steps": 120}), run, resume=True)
    assert "step 110: the loss has jumped" in run.log.read_text()  # the losses before are remembered


def test_a_run_ends_with_its_time(config, run):
    config = changed(
        config,
        training={"steps": 1_000_000, "max_seconds": 1.0, "eval_interval": 1_000_000, "checkpoint_interval": 1_000_000},
        schedule={"by": "time", "shape": "linear", "max_lr": 1e-3, "min_lr": 0.0, "warmup_fraction": 0.0},
    )
    result = run_it(config, run)
    assert 1 < result.steps < 1_000_000
    assert 1.0 <= result.seconds < 30
    assert run.latest_checkpoint() == run.checkpoint(result.steps)
    rates = [entry["learning_rate"] for entry in read_metrics(run.metrics) if "train_loss" in entry]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] == pytest.approx(1e-3, rel=0.3)
    assert rates[-1] < 0.3e-3
    again = run_it(config, run, resume=True)  # its time is over
    assert again.steps == result.steps


def test_samples_come_with_evaluations(config, run):
    seen = []

    def sample(model, step):
        seen.append(step)
        return f"a text of {model.config.vocab_size}"

    train(config, run, open_data(config.data, config.model), sample=sample)
    assert seen == [10, 20]
    assert run.log.read_text().count("a text of 31") == 2


def interrupt_at(monkeypatch, place, name, call):
    """Send the process a signal in the middle of the n-th call of a function."""
    count = iter(range(1, 1000))
    original = getattr(place, name)

    def watched(*arguments, **keywords):
        if next(count) == call:
            os.kill(os.getpid(), signal.SIGTERM)
        return original(*arguments, **keywords)

    monkeypatch.setattr(place, name, watched)


@pytest.mark.parametrize(
    ("place", "name", "call", "saved"),
    [
        ("guarded_updates", "compute_gradients", 7, 7),  # in a step
        ("run_evaluation", "measure_loss_together", 1, 10),  # in an evaluation, which is left and made up for
        ("checkpoints.store", "write_checkpoint", 1, 11),  # in a checkpoint: the one of step 10 is finished first
        ("run_evaluation", "measure_loss_together", 2, 20),  # in the last evaluation
        ("guarded_updates", "compute_gradients", 20, 20),  # in the last step
    ],
)
def test_being_asked_to_stop_changes_no_bit(tmp_path, config, monkeypatch, place, name, call, saved):
    config = changed(config, checkpoints={"background": False})
    runs = [RunDirectory(tmp_path / folder) for folder in ("whole", "stopped")]
    for run in runs:
        run.path.mkdir()
    run_it(config, runs[0])
    with pytest.MonkeyPatch.context() as patch:
        interrupt_at(patch, importlib.import_module(f"trainer.{place}"), name, call)
        with pytest.raises(TrainingInterrupted, match=f"SIGTERM: step {saved} is saved"):
            run_it(config, runs[1])
    assert runs[1].latest_checkpoint() == runs[1].checkpoint(saved)
    run_it(config, runs[1], resume=True)
    assert same(weights(runs[0], config, 20), weights(runs[1], config, 20))
    assert figures(runs[0]) == figures(runs[1])
    told = [{name: state_of(run, 20)[name] for name in ("valid_loss", "best_loss", "best_step")} for run in runs]
    assert told[0] == told[1]
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_damaged_checkpoint_is_named_and_the_one_before_taken(config, run):
    whole = run_it(config, run)
    path = run.checkpoint(20) / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    again = run_it(config, run, resume=True)
    assert same(whole.model.state_dict(), again.model.state_dict())
    assert "skipping a damaged checkpoint" in run.log.read_text()
    assert "resuming after step 10" in run.log.read_text()


def test_the_settings_of_the_optimizer_follow_the_configuration(tmp_path, config, run):
    run_it(config, run)
    config = changed(config, optimizer={"weight_decay": 0.5}, training={"steps": 21})
    run_it(config, run, resume=True)
    assert open_checkpoint(run.checkpoint(21)).optimizer_state()["param_groups"][0]["weight_decay"] == 0.5


def test_another_optimizer_is_refused(config, run):
    run_it(config, run)
    with pytest.raises(CheckpointError, match="was trained with AdamW, not with SGD"):
        run_it(changed(config, optimizer={"name": "sgd"}), run, resume=True)


def test_a_folder_is_trained_once(config, run):
    run_it(config, run)
    with pytest.raises(ValueError, match="has been trained already: resume it"):
        run_it(config, run)


def test_unfinished_checkpoints_are_removed(config, run):
    run_it(config, run)
    (run.checkpoints / ".step_00000030.abcd").mkdir()
    run_it(config, run, resume=True)
    assert sorted(path.name for path in run.checkpoints.iterdir()) == ["step_00000010", "step_00000020"]


def test_divergence_is_named_and_leaves_no_checkpoint(config, run):
    config = changed(config, schedule={"max_lr": 1e30}, training={"log_interval": 1})
    with pytest.raises(DivergedError, match=r"(is not a finite number at|validation loss is) .* lower schedule.max_lr"):
        run_it(config, run)
    assert not run.checkpoints.exists()


def test_the_best_checkpoint_is_kept_though_its_evaluation_was_left(config, run, monkeypatch):
    """Evaluated only after resuming, it is the best of all the same."""
    from trainer import run_evaluation
    from trainer.evaluation import Evaluation

    config = changed(config, training={"steps": 40}, checkpoints={"keep_last": 1, "keep_best": 1, "background": False})
    losses = iter([1.0, 2.0, 3.0, 4.0])

    def measure(*arguments, stop, original=run_evaluation.measure_loss_together, **keywords):
        if stop():
            return original(*arguments, stop=stop, **keywords)
        return Evaluation(next(losses), 1)

    monkeypatch.setattr(run_evaluation, "measure_loss_together", measure)
    with pytest.MonkeyPatch.context() as patch:
        interrupt_at(patch, run_evaluation, "measure_loss_together", 1)
        with pytest.raises(TrainingInterrupted, match="step 10 is saved"):
            run_it(config, run)
    assert state_of(run, 10)["valid_loss"] is None
    run_it(config, run, resume=True)
    assert [path.name for path in sorted(run.checkpoints.iterdir())] == ["step_00000010", "step_00000040"]
    assert state_of(run, 40)["best_step"] == 10


def test_an_evaluation_that_was_told_but_not_saved_is_told_once(config, run, monkeypatch):
    """A kill between the two: metrics.jsonl knows the loss, the checkpoint of that step does not."""
    interrupt_at(monkeypatch, __import__("trainer").run_evaluation, "measure_loss_together", 1)
    with pytest.raises(TrainingInterrupted):
        run_it(config, run)
    before = read_metrics(run.metrics)
    with run.metrics.open("a") as file:
        file.write(json.dumps({"step": 10, "valid_loss": 1.5}) + "\n")
    run_it(config, run, resume=True)
    entries = read_metrics(run.metrics)
    assert entries[: len(before)] == before
    assert [entry["step"] for entry in entries if "valid_loss" in entry] == [10, 20]


def test_a_checkpoint_that_was_passed_over_is_set_aside_and_not_deleted(config, run):
    run_it(config, run)
    (run.checkpoint(20) / "optimizer.safetensors").unlink()
    run_it(changed(config, training={"steps": 25}), run, resume=True)
    assert (run.checkpoints / "step_00000020.damaged_1" / "model.safetensors").is_file()
    assert "renamed step_00000020 to step_00000020.damaged_1" in run.log.read_text()
    assert run.latest_checkpoint() == run.checkpoint(25)


def test_damaged_metrics_are_refused_before_anything_is_changed(config, run):
    run_it(config, run)
    (run.checkpoint(20) / "optimizer.safetensors").unlink()
    run.metrics.write_text("{}\n" + run.metrics.read_text())
    with pytest.raises(MetricsError, match="line 1 is not a JSON object"):
        run_it(config, run, resume=True)
    assert run.checkpoint(20).exists()


def failing_writes(monkeypatch, calls):
    """Let some of the checkpoints meet a full disk."""
    from trainer.checkpoints import store

    count = iter(range(1, 1000))

    def write(path, contents, original=store.write_checkpoint):
        if next(count) in calls:
            raise CheckpointWriteError(28, "no space left on the device")
        original(path, contents)

    monkeypatch.setattr(store, "write_checkpoint", write)


@pytest.mark.parametrize("background", [True, False])
@pytest.mark.parametrize("calls", [{1}, {2}, {1, 3}])
def test_a_checkpoint_that_cannot_be_written_is_tried_once_more(config, run, monkeypatch, background, calls):
    failing_writes(monkeypatch, calls)
    result = run_it(changed(config, checkpoints={"background": background}), run)
    assert same(weights(run, config, 20), result.model.state_dict())
    assert run.log.read_text().count("no space left on the device; trying once more") == len(calls)


@pytest.mark.parametrize("background", [True, False])
def test_twice_in_a_row_stops_the_run(config, run, monkeypatch, background):
    failing_writes(monkeypatch, {2, 3})
    config = changed(config, training={"checkpoint_interval": 5}, checkpoints={"background": background})
    with pytest.raises(CheckpointWriteError, match="no space"):
        run_it(config, run)
    assert run.latest_checkpoint() == run.checkpoint(5)


def test_without_memory_for_a_copy_checkpoints_are_written_in_the_foreground(config, run, monkeypatch):
    from trainer.checkpoints.snapshot import Snapshots

    def take(self, contents):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(Snapshots, "take", take)
    result = run_it(config, run)
    assert same(weights(run, config, 20), result.model.state_dict())
    assert "not enough memory for a copy of the model and the optimizer" in run.log.read_text()


def test_a_sample_that_fails_is_told_after_the_step_is_saved(config, run):
    def sample(model, step):
        assert run.checkpoint(step).exists()
        raise RuntimeError("no text today")

    config = changed(config, checkpoints={"background": False})
    train(config, run, open_data(config.data, config.model), sample=sample)
    assert run.log.read_text().count("the sample failed (RuntimeError: no text today)") == 2


def test_setting_up_does_not_count_as_time(config, run, monkeypatch):
    from trainer import training_run

    def slow(*arguments, original=training_run.fingerprint_data):
        time.sleep(0.5)
        return original(*arguments)

    monkeypatch.setattr(training_run, "fingerprint_data", slow)
    assert run_it(changed(config, training={"max_seconds": 0.4}), run).steps > 0


def test_too_little_memory_is_found_out_before_the_first_step(config, run, monkeypatch):
    from trainer.train_state import LossModule

    def forward(self, inputs, targets):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(LossModule, "forward", forward)
    with pytest.raises(RuntimeError, match="can't allocate memory"):
        run_it(config, run)
    assert read_metrics(run.metrics) == []


def test_ctrl_c_that_ends_the_compiler_is_no_error(config, run, monkeypatch):
    """On a terminal it reaches the processes that torch has started, too."""
    from trainer.train_state import LossModule

    def forward(self, inputs, targets):
        os.kill(os.getpid(), signal.SIGINT)
        raise RuntimeError("C++ compile error")

    monkeypatch.setattr(LossModule, "forward", forward)
    with pytest.raises(TrainingInterrupted, match="SIGINT: no step was done yet"):
        run_it(config, run)


def test_bits_per_byte_are_those_of_the_text(config, run):
    path = Path(f"{config.data.valid_tokens}.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "text_bytes": 1250}))  # of 500 tokens
    run_it(config, run)
    entry = read_metrics(run.metrics)[-1]
    assert entry["bits_per_byte"] == pytest.approx(entry["valid_loss"] / math.log(2) / 2.5)
    assert f"{entry['bits_per_byte']:.4f} bits per byte" in run.log.read_text()


def test_what_epochs_depend_on_is_kept(config, run):
    config = changed(config, data={"order": "epoch"})
    run_it(config, run)
    more = changed(config, training={"steps": 25})
    for other, message in (
        (changed(more, run={"seed": 9}), "seed is 9 but was 0"),
        (changed(more, training={"batch_size": 2}), "batch_size is 2 but was 4"),
        (changed(more, data={"order": "random"}), "order is random but was epoch"),
    ):
        with pytest.raises(DataError, match=message):
            run_it(other, run, resume=True)
    run_it(more, run, resume=True)


def test_a_run_does_not_go_back(config, run):
    run_it(config, run)
    with pytest.raises(ValueError, match=r"training\.steps is 15, but step 20 is done: give at least 20"):
        run_it(changed(config, training={"steps": 15}), run, resume=True)


def test_a_configuration_that_trained_nothing_is_not_saved(config, run):
    run_it(config, run)
    before = run.config.read_text()
    run_it(changed(config, schedule={"max_lr": 1.0}), run, resume=True)
    assert run.config.read_text() == before
    run_it(changed(config, schedule={"max_lr": 1e-4}, training={"steps": 21}), run, resume=True)
    assert "max_lr: 0.0001" in run.config.read_text()


def test_a_checkpoint_that_was_being_replaced_is_not_lost(config, run):
    """A kill between the two renames leaves it hidden: a run that begins anew must not take the folder for empty."""
    run_it(config, run)
    shutil.rmtree(run.checkpoint(10))
    run.checkpoint(20).rename(run.checkpoints / ".step_00000020.0123abcd.replaced")
    with pytest.raises(ValueError, match="has been trained already"):
        run_it(config, run)
    assert run.checkpoint(20).exists()
