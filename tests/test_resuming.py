"""Resuming a run: what continues, what may change, and what is refused."""

import shutil

import pytest
import torch
import yaml
from safetensors.torch import load_file

from .conftest import TINY_MODEL, TINY_TRAINING, text_options, token_options, train, truncate

TINY = [*TINY_MODEL, *TINY_TRAINING]


def test_stopping_and_resuming_changes_no_bit(call, tmp_path, trained_run):
    """Through the command line: a run of two steps that is extended to four equals the run of four."""
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    constant = ["--schedule.shape=constant"]  # the other shapes depend on the number of steps
    options = [*TINY, *token_options(trained_run / "tokens"), *constant]
    assert call(train, *options, f"--run.directory={whole}").code == 0
    two_steps = ["--training.steps=2", "--schedule.warmup_fraction=0"]
    assert call(train, *options, f"--run.directory={stopped}", *two_steps).code == 0
    again = call(train, "--resume", stopped, "--training.steps=4", "--schedule.warmup_fraction=0.01")
    assert again.code == 0
    assert "resuming after step 2" in again.output
    one, other = (load_file(run / "checkpoints" / "step_00000004" / "model.safetensors") for run in (whole, stopped))
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda run: shutil.rmtree(run / "checkpoints"),
            "contains no checkpoint: the run stopped before its first one, so start it again",
        ),
        (lambda run: truncate(*run.glob("checkpoints/*/model.safetensors")), "is truncated or damaged"),
        (lambda run: truncate(*run.glob("checkpoints/*/state.json")), "contains no intact checkpoint"),
        (lambda run: truncate(run / "tokens" / "train.bin"), "train.bin has "),
        (lambda run: (run / "tokens" / "valid.bin").unlink(), "valid.bin does not exist"),
    ],
)
def test_a_damaged_run_is_refused(call, run_copy, damage, message):
    damage(run_copy)
    metrics = (run_copy / "metrics.jsonl").read_bytes()
    assert message in call(train, "--resume", run_copy, "--training.steps=6").one_line_error()
    assert (run_copy / "metrics.jsonl").read_bytes() == metrics


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--model.num_layers=2", "keeps its data, its model and its seed: model.num_layers: 1 before, 2 now"),
        ("--data.train_text=other.txt", "keeps its data, its model and its seed: data.train_text: "),
        ("--data.pattern=cl100k", "data.pattern: 'gpt2' before, 'cl100k' now"),
        ("--run.seed=9", "run.seed: 0 before, 9 now"),
        ("--run.directory=elsewhere", "a resumed run keeps its folder: remove --run.directory elsewhere"),
        (f"--sample.prompt={'many words ' * 40}", "tokens, but model.context_length is 32: shorten it"),
    ],
)
def test_changes_that_are_refused(call, trained_run, option, message):
    before = (trained_run / "config.yaml").read_bytes()
    assert message in call(train, "--resume", trained_run, "--training.steps=5", option).one_line_error()
    assert (trained_run / "config.yaml").read_bytes() == before


def test_a_run_may_be_moved_and_its_log_names_the_changes(call, tmp_path, trained_run):
    run = shutil.copytree(trained_run, tmp_path / "a moved run")
    outcome = call(train, "--resume=auto", f"--run.directory={run}", "--training.steps=5", "--schedule.max_lr=0.002")
    assert outcome.code == 0, outcome
    assert "the run continues with training.steps: 4 before, 5 now" in (run / "log.txt").read_text()
    assert "the run continues with schedule.max_lr: " in (run / "log.txt").read_text()
    assert yaml.safe_load((run / "config.yaml").read_text())["run"]["directory"] == str(run)


def test_token_files_may_be_moved(call, tmp_path, trained_run):
    tokens = shutil.copytree(trained_run / "tokens", tmp_path / "tokens")
    run = tmp_path / "run"
    assert call(train, *TINY, *token_options(tokens), f"--run.directory={run}").code == 0
    moved = tokens.rename(tmp_path / "elsewhere")
    assert "does not exist" in call(train, "--resume", run, "--training.steps=5").one_line_error()
    assert call(train, "--resume", run, "--training.steps=5", *token_options(moved)).code == 0


def test_resume_auto_starts_a_run_and_resumes_it(call, tmp_path, texts):
    run = tmp_path / "run"
    options = [*TINY, *text_options(texts), f"--run.directory={run}", "--resume=auto"]
    assert call(train, *options).code == 0
    again = call(train, *options, "--training.steps=6")
    assert again.code == 0, again
    assert "resuming after step 4" in again.output
    assert "note: the run continues with training.steps: 4 before, 6 now" in again.output
    assert "already exists" in call(train, *options, "--resume=never").one_line_error()
    shutil.rmtree(run / "checkpoints")  # as if it had been killed before the first checkpoint
    again = call(train, *options)
    assert again.code == 0, again
    assert (run / "checkpoints" / "step_00000004").is_dir()


def test_other_data_is_refused_with_the_difference(call, run_copy):
    tokens = run_copy / "tokens" / "train.bin"
    content = bytearray(tokens.read_bytes())
    content[10:12] = b"\x01\x00"
    tokens.write_bytes(content)
    error = call(train, "--resume", run_copy, "--training.steps=5").one_line_error()
    assert "the run was started on different data: train, " in error
    assert "different ids (sha256 " in error
