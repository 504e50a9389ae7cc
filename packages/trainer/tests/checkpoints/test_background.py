import errno
import os
import threading

import pytest
import torch

from optim import AdamW
from trainer import CheckpointConfig
from trainer.checkpoints import CheckpointStore, CheckpointWriteError, CheckpointWriter, Progress, StateError


def build():
    model = torch.nn.Linear(3, 2)
    optimizer = AdamW(model.parameters())
    return model, optimizer


def update(model, optimizer):
    model(torch.ones(3)).square().sum().backward()
    optimizer.step()


@pytest.fixture
def held(monkeypatch):
    """An event; every write waits until it is set."""
    gate, write = threading.Event(), os.write

    def wait(descriptor, data):
        assert gate.wait(60)
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", wait)
    yield gate
    gate.set()


def test_later_updates_are_not_written(tmp_path, held):
    store = CheckpointStore(tmp_path)
    model, optimizer = build()
    update(model, optimizer)
    expected = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    moment = optimizer.state[model.weight]["exp_avg"].clone()
    with CheckpointWriter(store) as writer:
        writer.save(model, optimizer, Progress(1))
        assert store.steps() == []
        assert writer.last_written is None
        for _ in range(3):
            update(model, optimizer)
        held.set()
        writer.wait()
        assert writer.last_written.path == store.path(1)
        assert 0 <= writer.last_written.stall_seconds <= writer.last_written.seconds
    other, other_optimizer = build()
    assert store.latest_good()[0].restore(other, other_optimizer).step == 1
    assert all(torch.equal(tensor, other.state_dict()[name]) for name, tensor in expected.items())
    assert torch.equal(other_optimizer.state[other.weight]["exp_avg"], moment)
    assert other_optimizer.state[other.weight]["step"] == 1


def test_a_second_waits_for_the_first(tmp_path, held):
    store = CheckpointStore(tmp_path)
    pair = build()
    with CheckpointWriter(store) as writer:
        writer.save(*pair, Progress(1))
        second = threading.Thread(target=writer.save, args=(*pair, Progress(2)))
        second.start()
        second.join(0.05)
        assert second.is_alive()
        assert store.steps() == []
        held.set()
        second.join(60)
    assert store.steps() == [1, 2]


def test_the_memory_of_the_copies_is_reused(tmp_path):
    pair = build()
    update(*pair)
    with CheckpointWriter(CheckpointStore(tmp_path)) as writer:
        seen = []
        for step in range(3):
            writer.save(*pair, Progress(step))
            writer.wait()
            seen.append({name: buffer.data_ptr() for name, buffer in writer._snapshots._buffers.items()})
    assert seen[0] == seen[1] == seen[2]
    assert len(seen[0]) == 2 + 4


def test_the_shape_of_a_tensor_may_change(tmp_path):
    store = CheckpointStore(tmp_path)
    with CheckpointWriter(store) as writer:
        for size in (2, 3):
            model = torch.nn.Linear(size, size).double()
            writer.save(model, None, Progress(size))
    other = torch.nn.Linear(3, 3).double()
    store.latest_good()[0].restore(other)
    assert torch.equal(other.weight, model.weight)


@pytest.mark.parametrize("background", [True, False])
def test_tied_and_unusual_tensors_are_preserved(tmp_path, background):
    class Odd(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scalar = torch.nn.Parameter(torch.tensor(1.5, dtype=torch.bfloat16))
            self.turned = torch.nn.Parameter(torch.randn(3, 2).T)
            self.tied = self.turned
            self.register_buffer("count", torch.tensor(7))
            self.register_buffer("empty", torch.empty(0, 3))

    model, other = Odd(), Odd()
    with CheckpointWriter(CheckpointStore(tmp_path, CheckpointConfig(background=background))) as writer:
        writer.save(model, None, Progress(1))
    CheckpointStore(tmp_path).latest_good()[0].restore(other)
    for name, tensor in model.state_dict().items():
        assert torch.equal(other.state_dict()[name], tensor)
        assert other.state_dict()[name].dtype == tensor.dtype


def no_space(_, __):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("call", ["save", "wait", "close"])
def test_an_error_is_raised_once_by_the_next_call(tmp_path, monkeypatch, call):
    store = CheckpointStore(tmp_path, CheckpointConfig(keep_last=1))
    pair = build()
    writer = CheckpointWriter(store)
    writer.save(*pair, Progress(1))
    writer.wait()
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", no_space)
        writer.save(*pair, Progress(2))
        writer._thread.join()
        assert writer.failed
        arguments = (*pair, Progress(3)) if call == "save" else ()
        with pytest.raises(
            CheckpointWriteError, match=r"step_00000002 cannot be written: No space .* it needs 0\.0 MB"
        ):
            getattr(writer, call)(*arguments)
        assert not writer.failed
    assert [path.name for path in tmp_path.iterdir()] == ["step_00000001"]  # not deleted before the next is written
    writer.save(*pair, Progress(4))
    writer.close()
    assert store.steps() == [4]


def test_in_the_foreground_an_error_is_raised_at_once(tmp_path, monkeypatch):
    writer = CheckpointWriter(CheckpointStore(tmp_path, CheckpointConfig(background=False)))
    monkeypatch.setattr(os, "write", no_space)
    with pytest.raises(CheckpointWriteError, match="No space"):
        writer.save(*build(), Progress(1))
    writer.close()


def test_an_error_of_training_is_raised_first(tmp_path, monkeypatch):
    """The error of the checkpoint is added to it as a note."""
    monkeypatch.setattr(os, "write", no_space)
    with pytest.raises(KeyError, match="first") as caught, CheckpointWriter(CheckpointStore(tmp_path)) as writer:
        writer.save(*build(), Progress(1))
        raise KeyError("first")
    assert "No space" in caught.value.__notes__[0]


def test_a_checkpoint_is_finished_when_training_fails(tmp_path):
    with pytest.raises(KeyError), CheckpointWriter(CheckpointStore(tmp_path)) as writer:
        writer.save(*build(), Progress(1))
        raise KeyError("x")
    assert CheckpointStore(tmp_path).latest_good()[0].progress.step == 1


def test_a_second_ctrl_c_does_not_wait(tmp_path, held):
    store = CheckpointStore(tmp_path)
    with pytest.raises(KeyboardInterrupt), CheckpointWriter(store) as writer:
        writer.save(*build(), Progress(1))
        raise KeyboardInterrupt  # the write is blocked, so that waiting would take a minute and fail
    assert store.steps() == []
    held.set()
    writer._thread.join()


def test_what_cannot_be_stored_is_refused_by_the_call(tmp_path):
    model, optimizer = build()
    optimizer.param_groups[0]["strange"] = object()
    with CheckpointWriter(CheckpointStore(tmp_path)) as writer, pytest.raises(StateError, match="strange"):
        writer.save(model, optimizer, Progress(1))
    with CheckpointWriter(CheckpointStore(tmp_path)) as writer, pytest.raises(StateError, match="complex128"):
        writer.save(torch.nn.Linear(1, 1, dtype=torch.complex128), None, Progress(1))
