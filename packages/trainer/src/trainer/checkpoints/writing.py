"""Writing a checkpoint: beside its place, down to the disk, and then under its name in one move.

A process that is killed at any moment leaves either the whole checkpoint under its name or nothing there, and beside
it at most a hidden folder, `.step_00001000.1a2b3c4d`, that `checkpoint_store` puts right.
"""

import errno
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.nn import Module
from torch.optim import Optimizer

from trainer.checkpoints.errors import CheckpointWriteError
from trainer.checkpoints.format import MODEL_FILE, OPTIMIZER_FILE, STATE_FILE, Progress, StoredState, encode_state
from trainer.checkpoints.safetensors_file import file_size, write_all, write_tensors
from trainer.checkpoints.state_tree import flatten
from trainer.checkpoints.tensor_names import plain_names

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True)
class Contents:
    """All that goes into a checkpoint, taken apart."""

    progress: Progress
    model: Any
    """Tree of the model's state_dict, as `flatten` returns it."""
    model_tensors: Mapping[str, Tensor]
    optimizer_class: str | None
    optimizer: Any
    """Tree of the optimizer's state_dict."""
    optimizer_tensors: Mapping[str, Tensor]

    @property
    def nbytes(self) -> int:
        """Bytes of the tensor files; `state.json` is small beside them."""
        return file_size(self.model_tensors) + file_size(self.optimizer_tensors)


def contents_of(model: Module, optimizer: Optimizer | None, progress: Progress) -> Contents:
    """Return what a checkpoint of a model and an optimizer holds; no tensor is copied.

    Raises:
        StateError: a state_dict holds something that a checkpoint cannot.
    """
    return contents_of_states(
        model.state_dict(),
        optimizer.state_dict() if optimizer else None,
        type(optimizer).__name__ if optimizer else None,
        progress,
    )


def contents_of_states(
    model_state: Mapping[str, Any],
    optimizer_state: Mapping[str, Any] | None,
    optimizer_class: str | None,
    progress: Progress,
) -> Contents:
    """Return what a checkpoint of two state_dicts holds, such as those that were gathered from many processes.

    Raises:
        StateError: a state_dict holds something that a checkpoint cannot.
    """
    plain = plain_names(model_state)
    model, model_tensors = flatten({plain[name]: value for name, value in model_state.items()})
    optimizer, optimizer_tensors = flatten(optimizer_state)
    return Contents(progress, model, model_tensors, optimizer_class, optimizer, optimizer_tensors)


def write_checkpoint(out: str | os.PathLike[str], contents: Contents) -> None:
    """Write a checkpoint's folder; one that exists is replaced once the new one is whole.

    Raises:
        StateError: a tensor is of a dtype that a checkpoint cannot hold.
        CheckpointWriteError: the folder cannot be written.
    """
    out = Path(out)
    needed = contents.nbytes
    temporary = out.with_name(f".{out.name}.{os.urandom(4).hex()}")
    try:
        _make_parent(out.parent)
        temporary.mkdir()
        _fill(temporary, contents)
        _put_in_place(temporary, out)
    except OSError as error:
        raise _explained(error, out, needed) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def sync_folder(path: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_parent(parent: Path) -> None:
    if not parent.is_dir():
        parent.mkdir(parents=True, exist_ok=True)
        sync_folder(parent.parent)


def _fill(folder: Path, contents: Contents) -> None:
    files = {
        MODEL_FILE: write_tensors(folder / MODEL_FILE, contents.model_tensors),
        OPTIMIZER_FILE: write_tensors(folder / OPTIMIZER_FILE, contents.optimizer_tensors),
    }
    state = StoredState(contents.progress, contents.model, contents.optimizer_class, contents.optimizer, files)
    descriptor = os.open(folder / STATE_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        write_all(descriptor, memoryview(encode_state(state)))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_folder(folder)


def _put_in_place(temporary: Path, out: Path) -> None:
    """Rename a folder, keeping what stood there before until the new one is there."""
    replaced = out.with_name(f"{temporary.name}.replaced")
    if out.exists():
        out.replace(replaced)
    try:
        temporary.replace(out)
    except BaseException:
        if replaced.exists():
            replaced.replace(out)
        raise
    sync_folder(out.parent)
    shutil.rmtree(replaced, ignore_errors=True)


def _explained(error: OSError, out: Path, needed: int) -> CheckpointWriteError:
    """Return the error as one sentence that says what to do."""
    problem = f"checkpoint {out} cannot be written: {error.strerror or error}"
    if error.errno in _NO_SPACE:
        advice = f"it needs {_megabytes(needed)}{_free(out.parent)}; make room, or lower checkpoints.keep_last"
    else:
        advice = f"make {out.parent} a folder that can be written to"
    return CheckpointWriteError(error.errno, f"{problem}: {advice}")


def _free(folder: Path) -> str:
    try:
        return f" and {_megabytes(shutil.disk_usage(folder).free)} are free"
    except OSError:
        return ""


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
