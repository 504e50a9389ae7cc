import errno
import os
import resource
import shutil
from pathlib import Path

import pytest
import torch

from trainer import load_checkpoint, save_checkpoint
from trainer.checkpoints import CheckpointWriteError


def traced(monkeypatch):
    """The system calls that concern files, in order, as (function, name)."""
    calls, names = [], {}

    def wrap(what, note):
        original = getattr(os, what)

        def call(*arguments, **keywords):
            result = original(*arguments, **keywords)
            calls.append((what, note(result, *arguments)))
            return result

        monkeypatch.setattr(os, what, call)

    def opened(descriptor, path, *_):
        return names.setdefault(descriptor, None) or names.update({descriptor: Path(path).name}) or Path(path).name

    wrap("open", opened)
    wrap("close", lambda _, descriptor: names.pop(descriptor, None))
    for what in ("write", "fsync"):
        wrap(what, lambda _, descriptor, *__: names.get(descriptor))
    for what in ("rename", "replace"):
        wrap(what, lambda _, source, target: Path(target).name)
    wrap("rmdir", lambda _, path, **__: Path(path).name)
    return calls


def test_all_files_are_synced_before_the_folder_is_renamed(tmp_path, monkeypatch):
    calls = traced(monkeypatch)
    save_checkpoint(torch.nn.Linear(1, 1), None, 1, tmp_path / "step")
    move = calls.index(next(call for call in calls if call[1] == "step" and call[0] in ("rename", "replace")))
    for name in ("model.safetensors", "optimizer.safetensors", "state.json"):
        last_write = max(index for index, call in enumerate(calls) if call == ("write", name))
        assert last_write < calls.index(("fsync", name)) < move
    folder = next(index for index, (what, name) in enumerate(calls) if what == "fsync" and name.startswith(".step."))
    assert max(calls.index(("fsync", name)) for name in ("model.safetensors", "state.json")) < folder < move
    assert move < calls.index(("fsync", tmp_path.name))


def fail(monkeypatch, code, after=0):
    """Make writing fail after some bytes."""
    write, left = os.write, [after]

    def failing(descriptor, data):
        if left[0] <= 0:
            raise OSError(code, os.strerror(code))
        written = write(descriptor, data[: left[0]])
        left[0] -= written
        return written

    monkeypatch.setattr(os, "write", failing)


@pytest.mark.parametrize("after", [0, 9, 300, 700])
def test_a_full_disk_leaves_the_older_checkpoint_and_nothing_else(tmp_path, monkeypatch, after):
    model = torch.nn.Linear(9, 9)
    save_checkpoint(model, None, 1, tmp_path / "step")
    for name in ("step", "other"):
        with monkeypatch.context() as patch:
            fail(patch, errno.ENOSPC, after)
            message = (
                rf"checkpoint .*{name} cannot be written: No space left on device: it needs 0\.0 MB and [\d,.]+ MB "
                r"are free; free some space, or lower checkpoints\.keep_last$"
            )
            with pytest.raises(CheckpointWriteError, match=message) as caught:
                save_checkpoint(model, None, 2, tmp_path / name)
        assert caught.value.errno == errno.ENOSPC
    assert [path.name for path in tmp_path.iterdir()] == ["step"]
    assert load_checkpoint(tmp_path / "step", model) == 1


def test_a_limit_on_the_size_of_files_is_treated_as_a_full_disk(tmp_path):
    """This time by the system itself, without a patched function."""
    model = torch.nn.Linear(200, 200)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(CheckpointWriteError, match=r"File too large: it needs 0\.2 MB"):
            save_checkpoint(model, None, 1, tmp_path / "step")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointWriteError, match=r"cannot be written: .*: make sure that .*file is a folder"):
        save_checkpoint(torch.nn.Linear(1, 1), None, 1, tmp_path / "file" / "step")
    monkeypatch.setattr(
        os, "mkdir", lambda *_: (_ for _ in ()).throw(PermissionError(errno.EACCES, "Permission denied"))
    )
    with pytest.raises(CheckpointWriteError, match=r"Permission denied: make sure that .* permission to write"):
        save_checkpoint(torch.nn.Linear(1, 1), None, 1, tmp_path / "step")


def test_the_message_states_the_space_that_is_needed(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: type("Usage", (), {"free": 12_345_678})())
    fail(monkeypatch, errno.EDQUOT)
    with pytest.raises(CheckpointWriteError, match=r"it needs 4\.0 MB and 12\.3 MB are free"):
        save_checkpoint(torch.nn.Linear(1000, 1000), None, 1, tmp_path / "step")


def test_files_have_the_default_permissions(tmp_path):
    save_checkpoint(torch.nn.Linear(1, 1), None, 1, tmp_path / "step")
    (tmp_path / "other").write_text("")
    assert {path.stat().st_mode for path in (tmp_path / "step").iterdir()} == {(tmp_path / "other").stat().st_mode}


def test_an_interruption_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(torch.nn.Linear(1, 1), None, 1, tmp_path / "step")
    assert list(tmp_path.iterdir()) == []
