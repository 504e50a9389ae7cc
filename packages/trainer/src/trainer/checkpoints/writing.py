"""Writing a checkpoint: into a hidden folder next to its place, to the disk, and then renamed.

If the process is killed at any moment, there is either a complete checkpoint under the name or what was there before,
and at most a hidden folder such as `.step_00001000.1a2b3c4d`, which `CheckpointStore.recover` removes.
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
from trainer.checkpoints.folders import (
    checkpoint_path,
    delete_checkpoint,
    move_into_place,
    refuse_to_replace,
    sync_folder,
)
from trainer.checkpoints.format import MODEL_FILE, OPTIMIZER_FILE, STATE_FILE, Progress, StoredState, encode_state
from trainer.checkpoints.safetensors_file import file_size, write_all, write_tensors
from trainer.checkpoints.state_tree import flatten
from trainer.checkpoints.tensor_names import plain_names

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True)
class Contents:
    """What is written into a checkpoint: JSON trees, and the tensors that they name."""

    progress: Progress
    model: Any
    """Tree of the model's state_dict, as returned by `flatten`."""
    model_tensors: Mapping[str, Tensor]
    optimizer_class: str | None
    optimizer: Any
    """Tree of the optimizer's state_dict."""
    optimizer_tensors: Mapping[str, Tensor]

    @property
    def nbytes(self) -> int:
        """Size of the tensor files; `state.json` is small in comparison.

        Raises:
            StateError: a tensor has a dtype that a checkpoint cannot store.
        """
        return file_size(self.model_tensors) + file_size(self.optimizer_tensors)


def contents_of(model: Module, optimizer: Optimizer | None, progress: Progress) -> Contents:
    """Return the contents of a checkpoint of a model and an optimizer; tensors are not copied.

    Raises:
        StateError: a state_dict contains something that a checkpoint cannot store.
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
    """Return the contents of a checkpoint of two state_dicts, such as those that `full_state_dict` returns.

    Raises:
        StateError: a state_dict contains something that a checkpoint cannot store.
    """
    plain = plain_names(model_state)
    model, model_tensors = flatten({plain[name]: value for name, value in model_state.items()})
    optimizer, optimizer_tensors = flatten(optimizer_state)
    return Contents(progress, model, model_tensors, optimizer_class, optimizer, optimizer_tensors)


def write_checkpoint(out: str | os.PathLike[str], contents: Contents) -> None:
    """Write the folder of a checkpoint; one that exists is replaced once the new one is complete.

    Raises:
        StateError: a tensor has a dtype that a checkpoint cannot store.
        CheckpointWriteError: the folder cannot be written, or there is something else than a checkpoint.
        TypeError: `out` is not a path.
    """
    out = checkpoint_path(out)
    needed = contents.nbytes
    try:
        refuse_to_replace(out)
        temporary = out.with_name(f".{out.name}.{os.urandom(4).hex()}")
        _make_parent(out.parent)
        temporary.mkdir()
        try:
            _fill(temporary, contents)
            move_into_place(temporary, out)
        finally:
            delete_checkpoint(temporary)
    except CheckpointWriteError:
        raise
    except OSError as error:
        raise _explained(error, out, needed) from None


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


def _explained(error: OSError, out: Path, needed: int) -> CheckpointWriteError:
    """Return the error as a sentence that says what to do."""
    problem = f"checkpoint {out} cannot be written: {error.strerror or error}"
    if error.errno in _NO_SPACE:
        advice = f"it needs {_megabytes(needed)}{_free(out.parent)}; free some space, or lower checkpoints.keep_last"
    else:
        advice = f"make sure that {out.parent} is a folder and that you have permission to write to it"
    return CheckpointWriteError(error.errno, f"{problem}: {advice}")


def _free(folder: Path) -> str:
    try:
        return f" and {_megabytes(shutil.disk_usage(folder).free)} are free"
    except OSError:
        return ""


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
