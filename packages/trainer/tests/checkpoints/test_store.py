import json
from pathlib import Path

import pytest
import torch

from trainer import CheckpointConfig, CheckpointError
from trainer.checkpoints import CheckpointStore, CheckpointWriteError, Progress
from trainer.checkpoints.writing import contents_of

MODEL = torch.nn.Linear(2, 2)


def write(store, step, **progress):
    return store.write(contents_of(MODEL, None, Progress(step, **progress)))


def cut(path, name="model.safetensors"):
    (path / name).write_bytes((path / name).read_bytes()[:-2])


def names(store):
    return sorted(path.name for path in store.folder.iterdir())


def test_the_newest_checkpoint_is_found(tmp_path):
    store = CheckpointStore(tmp_path / "checkpoints")
    for step in (999, 1000, 99):
        write(store, step, run_id="run", extras={"tokens": step})
    assert store.steps() == [99, 999, 1000]
    checkpoint, messages = store.latest_good()
    assert checkpoint.path == store.path(1000) == tmp_path / "checkpoints" / "step_00001000"
    assert checkpoint.progress == Progress(1000, run_id="run", extras={"tokens": 1000})
    assert messages == ()


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.safetensors", "state.json"])
def test_damaged_checkpoints_are_skipped_with_a_message(tmp_path, name):
    store = CheckpointStore(tmp_path)
    for step in (1, 2, 3):
        write(store, step)
    cut(store.path(3), name)
    (store.path(2) / name).unlink()
    checkpoint, messages = store.latest_good()
    assert checkpoint.progress.step == 1
    assert len(messages) == 2
    assert f"skipping a damaged checkpoint: {store.path(3) / name} is" in messages[0]
    assert f"{store.path(2) / name} is missing" in messages[1]


def test_flipped_bits_are_detected(tmp_path):
    store = CheckpointStore(tmp_path)
    write(store, 1)
    file = write(store, 2) / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    checkpoint, (message,) = store.latest_good()
    assert checkpoint.progress.step == 1
    assert "its content does not match the hash in state.json" in message


def test_if_none_is_intact_each_is_named(tmp_path):
    store = CheckpointStore(tmp_path)
    with pytest.raises(CheckpointError, match="contains no checkpoint: the run stopped before its first"):
        store.latest_good()
    for step in (1, 2):
        cut(write(store, step))
    with pytest.raises(CheckpointError, match=r"contains no intact checkpoint: .*step_00000002.*step_00000001"):
        store.latest_good()


def test_a_renamed_checkpoint_is_not_taken_for_another_step(tmp_path):
    store = CheckpointStore(tmp_path)
    write(store, 1).rename(store.path(5))
    with pytest.raises(CheckpointError, match="step_00000005 contains the checkpoint of step 1"):
        store.latest_good()


def test_other_names_are_ignored(tmp_path):
    store = CheckpointStore(tmp_path / "in")
    write(store, 1)
    (store.folder / "step_00000009").symlink_to(store.path(1))
    for name in ("step_9", "step_000000009", ".step_00000009.ab", "step_٠٠٠٠٠٠٠٩", "step_00000009.old"):
        (store.folder / name).mkdir()
    (store.folder / "step_00000008").write_text("")
    assert store.steps() == [1]


def test_the_last_and_the_best_checkpoints_are_kept(tmp_path):
    store = CheckpointStore(tmp_path, CheckpointConfig(keep_last=2, keep_best=2))
    for step, loss in ((1, 5.0), (2, 3.0), (3, 4.0), (4, None), (5, 3.5), (6, 3.0), (7, 9.0), (8, None)):
        write(store, step, valid_loss=loss)
    assert store.steps() == [2, 6, 7, 8]
    assert len(names(store)) == 4
    store = CheckpointStore(tmp_path, CheckpointConfig(keep_last=1, keep_best=0))
    write(store, 9)
    assert store.steps() == [9]


def test_a_checkpoint_that_cannot_be_deleted_is_reported(tmp_path, monkeypatch):
    store = CheckpointStore(tmp_path, CheckpointConfig(keep_last=1, keep_best=0))
    write(store, 1)
    replace = Path.replace

    def refuse(self, target):
        if target.name.endswith(".deleted"):
            raise PermissionError(13, "Permission denied")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    message = r"step_00000002 is written, but an older one cannot be deleted: Permission denied: check"
    with pytest.raises(CheckpointWriteError, match=message):
        write(store, 2)
    assert store.steps() == [1, 2]


def test_by_default_all_checkpoints_are_kept(tmp_path):
    store = CheckpointStore(tmp_path)
    for step in range(6):
        write(store, step)
    assert store.steps() == list(range(6))


def test_damaged_checkpoints_do_not_count_as_kept(tmp_path):
    store = CheckpointStore(tmp_path, CheckpointConfig(keep_last=2, keep_best=0))
    for step in (1, 2):
        write(store, step)
    cut(store.path(2))
    write(store, 3)
    assert store.steps() == [1, 2, 3]
    write(store, 4)
    assert store.steps() == [2, 3, 4]
    assert store.latest_good()[0].progress.step == 4


def test_later_checkpoints_do_not_count_and_are_set_aside(tmp_path):
    """If a run is resumed from an older checkpoint, the later ones are still there."""
    store = CheckpointStore(tmp_path)
    for step in (1, 5, 6, 7):
        write(store, step)
    store = CheckpointStore(tmp_path, CheckpointConfig(keep_last=1, keep_best=0))
    write(store, 2)
    assert store.steps() == [2, 5, 6, 7]
    (tmp_path / "step_00000006.damaged_1").mkdir()  # set aside before
    messages = store.set_aside_after(2)
    assert store.steps() == [2]
    aside = ["step_00000005.damaged_1", "step_00000006.damaged_1", "step_00000006.damaged_2", "step_00000007.damaged_1"]
    assert names(store) == ["step_00000002", *aside]
    assert [message.split()[3].rstrip(":") for message in messages] == [aside[0], *aside[2:]]
    assert store.set_aside_after(2) == ()


def test_the_folders_of_a_killed_process_are_cleaned_up(tmp_path):
    store = CheckpointStore(tmp_path)
    for step in (1, 2, 3):
        write(store, step)
    store.path(2).rename(tmp_path / ".step_00000002.ab12.replaced")  # killed between the two moves
    (tmp_path / ".step_00000003.ab12.replaced").mkdir()  # killed after them
    (tmp_path / ".step_00000002.ab12").mkdir()
    (tmp_path / ".step_00000009.ff.deleted").mkdir()
    (tmp_path / ".step_00000008.ff").symlink_to(store.path(1))
    (tmp_path / ".step_other").mkdir()
    assert store.recover() == (f"restored {store.path(2)}, which was being replaced",)
    assert names(store) == [".step_other", "step_00000001", "step_00000002", "step_00000003"]
    assert store.latest_good()[0].progress.step == 3
    assert store.recover() == ()
    assert CheckpointStore(tmp_path / "missing").recover() == ()


def test_a_checkpoint_of_format_1_can_be_kept_and_deleted(tmp_path):
    store = CheckpointStore(tmp_path, CheckpointConfig(keep_last=1, keep_best=1))
    path = write(store, 1)
    state = json.loads((path / "state.json").read_text())
    old = {"format": 1, "iteration": 1, "model": state["model"], "optimizer_class": None, "optimizer": None}
    (path / "state.json").write_text(json.dumps(old))
    assert store.latest_good()[0].progress.step == 1
    write(store, 2)
    assert store.steps() == [2]


@pytest.mark.parametrize(
    ("fields", "message"),
    [({"keep_last": 0}, r"checkpoints\.keep_last is 0"), ({"keep_best": -1}, r"checkpoints\.keep_best is -1")],
)
def test_invalid_settings_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        CheckpointConfig(**fields)
