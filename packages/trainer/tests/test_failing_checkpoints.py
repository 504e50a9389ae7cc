"""Checkpoints that cannot be written, in a run."""

import pytest

from trainer.checkpoints import CheckpointWriteError

from .run_helpers import changed, same, train_run, weights


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
def test_a_checkpoint_that_cannot_be_written_is_retried_once(config, run, monkeypatch, background, calls):
    failing_writes(monkeypatch, calls)
    result = train_run(changed(config, checkpoints={"background": background}), run)
    assert same(weights(run, config, 20), result.model.state_dict())
    assert run.log.read_text().count("no space left on the device; trying once more") == len(calls)


@pytest.mark.parametrize("background", [True, False])
def test_two_failures_in_a_row_stop_the_run(config, run, monkeypatch, background):
    failing_writes(monkeypatch, {2, 3})
    config = changed(config, training={"checkpoint_interval": 5}, checkpoints={"background": background})
    with pytest.raises(CheckpointWriteError, match="no space"):
        train_run(config, run)
    assert run.latest_checkpoint() == run.checkpoint(5)


def test_without_memory_for_a_copy_checkpoints_are_written_in_the_foreground(config, run, monkeypatch):
    from trainer.checkpoints.snapshot import Snapshots

    def take(self, contents):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(Snapshots, "take", take)
    result = train_run(config, run)
    assert same(weights(run, config, 20), result.model.state_dict())
    assert "not enough memory for a copy of the model and the optimizer" in run.log.read_text()
