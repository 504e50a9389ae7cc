"""A checkpoint replaces a checkpoint or an empty folder, and never anything else."""

import io
import os

import pytest
import torch

from trainer import CheckpointConfig, load_checkpoint, save_checkpoint
from trainer.checkpoints import CheckpointStore, CheckpointWriteError, Progress
from trainer.checkpoints.writing import contents_of

MODEL = torch.nn.Linear(2, 2)


def content(folder):
    """Everything below a folder by path: the bytes of files, the modes of folders, links and pipes."""
    found = {}
    for path in sorted(folder.rglob("*")):
        is_file = path.is_file() and not path.is_symlink()
        found[str(path.relative_to(folder))] = path.read_bytes() if is_file else path.lstat().st_mode
    return found


def notes(path):
    path.mkdir()
    (path / "notes.txt").write_text("mine")


def older_checkpoints(path):
    for step in (1, 2):
        save_checkpoint(MODEL, None, step, path / f"step_{step}")


def checkpoint_with_notes(path):
    save_checkpoint(MODEL, None, 1, path)
    (path / "notes.txt").write_text("mine")


def exported_model(path):
    path.mkdir()
    (path / "model.safetensors").write_bytes(b"weights")


def link_to_a_checkpoint(path):
    save_checkpoint(MODEL, None, 1, path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (notes, r"out is not a checkpoint \(the folder contains notes\.txt\) and is not replaced"),
        (older_checkpoints, r"out is not a checkpoint \(the folder contains step_1\)"),
        (checkpoint_with_notes, r"\(the folder contains notes\.txt\)"),
        (exported_model, r"\(the folder contains only part of a checkpoint\)"),
        (lambda path: path.write_text("mine"), r"\(it is a file\)"),
        (link_to_a_checkpoint, r"\(it is a symbolic link\)"),
        (lambda path: path.symlink_to(path.with_name("missing")), r"\(it is a symbolic link\)"),
        (lambda path: os.mkfifo(path), r"\(it is a file\)"),
    ],
)
def test_nothing_but_a_checkpoint_is_replaced(tmp_path, make, message):
    make(tmp_path / "out")
    before = content(tmp_path)
    with pytest.raises(CheckpointWriteError, match=message) as caught:
        save_checkpoint(MODEL, None, 3, tmp_path / "out")
    assert str(caught.value).endswith("choose another path, or remove it if it is not needed")
    assert content(tmp_path) == before


def test_a_checkpoint_or_an_empty_folder_is_replaced(tmp_path):
    (tmp_path / "out").mkdir()
    for step in (1, 2):
        save_checkpoint(MODEL, None, step, tmp_path / "out")
        assert load_checkpoint(tmp_path / "out", MODEL) == step
    (tmp_path / "out" / "model.safetensors").write_bytes(b"damaged")
    save_checkpoint(MODEL, None, 3, tmp_path / "out")
    assert load_checkpoint(tmp_path / "out", MODEL) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("out", [".", "..", "/", ""])
def test_a_path_without_a_name_is_refused(tmp_path, monkeypatch, out):
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    with pytest.raises(CheckpointWriteError, match="cannot become a checkpoint: give the name of a new folder"):
        save_checkpoint(MODEL, None, 1, out)
    assert list(content(tmp_path)) == ["inner"]


@pytest.mark.parametrize("out", [io.BytesIO(), b"step", 3, None])
def test_what_is_not_a_path_is_refused(tmp_path, monkeypatch, out):
    monkeypatch.chdir(tmp_path)
    message = (
        "a checkpoint is a folder, given by its path as a str or os.PathLike.* not by (BytesIO|bytes|int|NoneType)"
    )
    with pytest.raises(TypeError, match=message):
        save_checkpoint(MODEL, None, 1, out)
    with pytest.raises(TypeError, match=message):
        load_checkpoint(out, MODEL)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_added_while_a_checkpoint_is_replaced_is_not_deleted(tmp_path, monkeypatch):
    save_checkpoint(MODEL, None, 1, tmp_path / "out")
    fsync = os.fsync

    def add_notes(descriptor):
        (tmp_path / "out" / "notes.txt").write_text("mine")
        fsync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", add_notes)
        save_checkpoint(MODEL, None, 2, tmp_path / "out")
    assert [path.read_text() for path in tmp_path.glob(".out.*.replaced/*")] == ["mine"]


def test_a_checkpoint_with_added_files_is_not_pruned(tmp_path):
    store = CheckpointStore(tmp_path, CheckpointConfig(keep_last=1, keep_best=0))
    for step in (1, 2, 3):
        store.write(contents_of(MODEL, None, Progress(step)))
        if step == 1:
            (store.path(1) / "notes.txt").write_text("mine")
    assert store.steps() == [1, 3]
    assert (store.path(1) / "notes.txt").read_text() == "mine"


def test_a_run_does_not_replace_a_folder_in_the_place_of_its_checkpoint(tmp_path):
    store = CheckpointStore(tmp_path)
    notes(store.path(7))
    with pytest.raises(CheckpointWriteError, match=r"step_00000007 is not a checkpoint"):
        store.write(contents_of(MODEL, None, Progress(7)))
    assert list(content(tmp_path)) == ["step_00000007", "step_00000007/notes.txt"]
