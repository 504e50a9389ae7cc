"""Reading a checkpoint: everything is verified, and compared with the model, before the model is changed."""

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn import Module
from torch.optim import Optimizer

from trainer.checkpoints.compatibility import check_finite, check_model, check_optimizer, parameter_names
from trainer.checkpoints.errors import CheckpointError, StateError
from trainer.checkpoints.folders import checkpoint_path
from trainer.checkpoints.format import (
    MAX_STATE_BYTES,
    MODEL_FILE,
    OPTIMIZER_FILE,
    STATE_FILE,
    FileRecord,
    Progress,
    StoredState,
    decode_state,
    shorten,
)
from trainer.checkpoints.restoring import fill
from trainer.checkpoints.safetensors_file import read_tensors, stored_names
from trainer.checkpoints.state_tree import tensor_names, unflatten
from trainer.checkpoints.tensor_names import plain_names


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint on the disk whose files have been verified; its tensors are read when they are needed."""

    path: Path
    state: StoredState

    @property
    def progress(self) -> Progress:
        """What it contains besides the model and the optimizer."""
        return self.state.progress

    def model_state(self) -> dict[str, Any]:
        """Read the model's state_dict."""
        tree = self._read(MODEL_FILE, self.state.model)
        return {plain: tree[name] for name, plain in plain_names(tree).items()}

    def optimizer_state(self) -> Any:
        """Read the optimizer's state_dict; None if the model was saved alone."""
        return self._read(OPTIMIZER_FILE, self.state.optimizer)

    def _read(self, name: str, tree: Any) -> Any:
        try:
            return unflatten(tree, read_tensors(self.path / name))
        except (StateError, RecursionError) as error:
            raise CheckpointError(
                f"checkpoint {self.path} is damaged: {shorten(str(error))}; use another checkpoint"
            ) from None

    def restore(
        self, model: Module, optimizer: Optimizer | None = None, *, finite: bool = True, keep_settings: bool = False
    ) -> Progress:
        """Fill a model, and an optimizer if given; parameters may be sharded, if every process calls this.

        Args:
            model: a module of the same shape as the saved one.
            optimizer: an optimizer over the same parameters, or None to restore the model alone.
            finite: refuse weights and optimizer state that contain NaN or infinity.
            keep_settings: keep the optimizer's own settings, such as betas and weight decay, instead of the saved ones.

        Returns:
            What the checkpoint contains besides the model and the optimizer.

        Raises:
            CheckpointError: the checkpoint does not fit; the model and the optimizer are unchanged.
        """
        live = model.state_dict()
        names = plain_names(live)
        model_state = self.model_state()
        check_model(model_state, {names[name]: value for name, value in live.items()}, self.path)
        optimizer_state = None
        if optimizer is not None:
            optimizer_state = self.optimizer_state()
            check_optimizer(optimizer_state, self.state.optimizer_class, optimizer, self.path)
        if finite:
            parameters = {names.get(name, name) for name in parameter_names(model)}
            check_finite(model_state, parameters, optimizer_state, self.path)
        named = {name: model_state[plain] for name, plain in names.items()}
        fill(model, named, optimizer, optimizer_state, self.path, keep_settings=keep_settings)
        return self.progress


def open_checkpoint(src: str | os.PathLike[str]) -> Checkpoint:
    """Return a checkpoint after verifying it: sizes and hashes of all files, and the names of all tensors.

    Raises:
        CheckpointError: it is missing or damaged; the message says what is wrong and what to do.
        TypeError: `src` is not a path.
    """
    src = checkpoint_path(src)
    state = read_state(src)
    try:
        for name, tree in ((MODEL_FILE, state.model), (OPTIMIZER_FILE, state.optimizer)):
            _check_file(src / name, None if state.files is None else state.files[name])
            stored, named = stored_names(src / name), tensor_names(tree)
            if stored - named:
                raise StateError(
                    f"{name} contains a tensor {shorten(min(stored - named))!r} to which {STATE_FILE} does not refer"
                )
            unflatten(tree, dict.fromkeys(stored, torch.empty(0)))
        plain_names(state.model)
    except CheckpointError:
        raise
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"checkpoint {src} is damaged: {shorten(str(error))}; use another checkpoint") from None
    return Checkpoint(src, state)


def read_state(src: Path) -> StoredState:
    """Return the content of a checkpoint's `state.json`; its tensors are not read.

    Raises:
        CheckpointError: it is missing or damaged.
    """
    if not src.is_dir():
        raise CheckpointError(f"checkpoint {src} does not exist: give a folder such as checkpoints/step_00001000")
    path = src / STATE_FILE
    size = _require_file(path)
    if size > MAX_STATE_BYTES:
        raise CheckpointError(
            f"{path} is damaged (its size is {size:,} bytes, more than that of any checkpoint): use another checkpoint"
        )
    try:
        return decode_state(path.read_bytes())
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror}): use another checkpoint") from None
    except CheckpointError as error:
        raise CheckpointError(f"{path} is damaged ({error}): use another checkpoint") from None


def _require_file(path: Path) -> int:
    """Return the size of a regular file; links, folders and devices are refused."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing, so the checkpoint is incomplete: use another checkpoint") from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror}): use another checkpoint") from None
    if not stat.S_ISREG(status.st_mode):
        raise CheckpointError(f"{path} is a link, a folder or a device, not a regular file: use another checkpoint")
    return status.st_size


def _check_file(path: Path, record: FileRecord | None) -> None:
    size = _require_file(path)
    if record is None:
        return
    if size != record.size:
        raise CheckpointError(
            f"{path} is truncated or damaged (it has {size:,} bytes instead of {record.size:,}): use another checkpoint"
        )
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror}): use another checkpoint") from None
    if found != record.sha256:
        raise CheckpointError(
            f"{path} is damaged (its content does not match the hash in {STATE_FILE}): use another checkpoint"
        )
