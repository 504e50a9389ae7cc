"""A checkpoint that cannot be written is written again once; then the run stops."""

import errno
import os

import pytest
import torch

from trainer import CheckpointConfig
from trainer.checkpoints import CheckpointStore, CheckpointWriteError, CheckpointWriter, Progress
from trainer.checkpoints.retrying import Saver
from trainer.checkpoints.writing import contents_of
from trainer.runtime.distributed import World


@pytest.fixture(params=[True, False], ids=["background", "foreground"])
def saver(tmp_path, request):
    model = torch.nn.Linear(2, 2)
    messages = []
    with CheckpointWriter(CheckpointStore(tmp_path, CheckpointConfig(background=request.param))) as writer:
        yield Saver(lambda progress: contents_of(model, None, progress), World(), writer, messages.append)
        writer.wait()


@pytest.fixture
def full_disk(monkeypatch):
    """A list; as long as it is not empty, every write fails."""
    write, failing = os.write, []

    def maybe_fail(descriptor, data):
        if failing:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", maybe_fail)
    return failing


def join(saver):
    """Wait for the background thread, without raising its error."""
    if saver.writer._thread is not None:
        saver.writer._thread.join()


def test_a_failure_is_logged_and_the_next_attempt_may_succeed(saver, full_disk, tmp_path):
    full_disk.append(True)
    saver.save(Progress(1))
    join(saver)
    assert saver.try_again or saver.writer.failed
    full_disk.clear()
    saver.save(Progress(2))
    join(saver)
    assert not saver.try_again
    assert not saver.writer.failed
    (message,) = saver.log.__self__
    assert "No space left on device" in message
    assert message.endswith("; trying once more")
    assert CheckpointStore(tmp_path).steps() == [2]


def test_a_second_failure_in_a_row_is_raised(saver, full_disk):
    full_disk.append(True)
    saver.save(Progress(1))
    join(saver)
    with pytest.raises(CheckpointWriteError, match="No space left on device"):
        saver.save(Progress(2))
        saver.save(Progress(3))
    saver.writer._error, saver.writer.failed = None, False


def test_a_failure_after_a_success_is_a_first_failure_again(saver, full_disk, tmp_path):
    for step in (1, 2, 3, 4):
        full_disk[:] = [True] * (step % 2)
        saver.save(Progress(step))
        join(saver)
    assert len(saver.log.__self__) == 2
    assert CheckpointStore(tmp_path).steps() == [2, 4]


def test_at_the_end_it_is_written_again_at_once(saver, full_disk, tmp_path):
    full_disk.append(True)
    saver.log = lambda message: full_disk.clear()
    saver.finish(Progress(5))
    assert CheckpointStore(tmp_path).latest_good()[0].progress.step == 5


def test_at_the_end_the_second_failure_is_raised(saver, full_disk):
    full_disk.append(True)
    with pytest.raises(CheckpointWriteError, match="No space left on device"):
        saver.finish(Progress(5))


def test_other_processes_write_nothing(tmp_path):
    with CheckpointWriter(CheckpointStore(tmp_path)) as writer:
        saver = Saver(lambda progress: None, World(), writer, print)
        saver.reserve(Progress(0))
        saver.save(Progress(1))
        saver.finish(Progress(2))
    assert list(tmp_path.iterdir()) == []
