"""A run that is interrupted or runs out of memory: what is saved, and what the message advises."""

import os
import signal

import pytest
import torch

from optim import AdamW

from .conftest import TINY_MODEL, TINY_TRAINING, token_options, train

TINY = [*TINY_MODEL, *TINY_TRAINING]


def before_update(monkeypatch, update, action):
    """Run an action when the optimizer is about to make an update, counted from 1."""
    updates, original = [], AdamW.step

    def step(self, *arguments, **keywords):
        updates.append(1)
        if len(updates) == update:
            action()
        return original(self, *arguments, **keywords)

    monkeypatch.setattr(AdamW, "step", step)


def fail(error):
    def action():
        raise error

    return action


@pytest.mark.parametrize(
    ("update", "message"),
    [
        (1, "interrupted: there is no checkpoint yet: delete RUN and start again, or add --resume auto to the command"),
        (3, "interrupted: resume from step_00000002 with uv run app --resume RUN"),
    ],
)
def test_ctrl_c_says_how_to_resume(call, tmp_path, trained_run, monkeypatch, update, message):
    before_update(monkeypatch, update, fail(KeyboardInterrupt()))
    run = tmp_path / "a run"
    options = ["--checkpoints.background=false", f"--run.directory={run}"]
    outcome = call(train, *TINY, *token_options(trained_run / "tokens"), *options)
    assert outcome.code == 130
    assert message.replace("RUN", f"'{run}'" if update > 1 else str(run)) in outcome.errors
    assert "Traceback" not in outcome.errors


def test_sigterm_saves_the_step_and_has_an_exit_code_of_its_own(call, tmp_path, trained_run, monkeypatch):
    before_update(monkeypatch, 1, lambda: os.kill(os.getpid(), signal.SIGTERM))
    outcome = call(train, *TINY, *token_options(trained_run / "tokens"), f"--run.directory={tmp_path / 'run'}")
    assert outcome.code == 75
    assert "interrupted: SIGTERM: step 1 is saved; resume from step_00000001 with" in outcome.errors


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory."), MemoryError()])
def test_out_of_memory_is_one_line(call, tmp_path, trained_run, monkeypatch, error):
    before_update(monkeypatch, 1, fail(error))
    options = [*TINY, *token_options(trained_run / "tokens"), f"--run.directory={tmp_path / 'run'}"]
    assert "out of memory: lower training.batch_size" in call(train, *options).one_line_error()
