"""Methods of saving a model with its optimizer and of loading them again: ours and those of others."""

import json
import os
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.distributed.checkpoint import state_dict_loader, state_dict_saver
from torch.distributed.checkpoint.staging import DefaultStager, StagingOptions
from torch.nn import Module
from torch.optim import Optimizer

from trainer import CheckpointConfig
from trainer.checkpoints import CheckpointStore, CheckpointWriter, Progress, capture_rng


@dataclass(frozen=True)
class Subject:
    """The model and the optimizer that are saved, and the folder."""

    model: Module
    optimizer: Optimizer
    folder: Path
    """Empty before each save."""


class Method(Protocol):
    """One method; `save` returns as soon as training can continue."""

    def save(self) -> None:
        """Save, or start saving in the background."""

    def wait(self) -> None:
        """Wait until the files are on the disk."""

    def load(self) -> None:
        """Load the model and the optimizer from the last save."""


class Ours:
    """`CheckpointWriter`, in the foreground or in the background; loading verifies hashes, names and values."""

    def __init__(self, subject: Subject, *, background: bool) -> None:
        self._subject = subject
        self._store = CheckpointStore(subject.folder, CheckpointConfig(1, 0, background))
        self._writer = CheckpointWriter(self._store)
        self._step = 0

    def save(self) -> None:
        """Pass the model and the optimizer to the writer."""
        self._step += 1
        progress = Progress(self._step, rng=(capture_rng(),))
        self._writer.save(self._subject.model, self._subject.optimizer, progress)

    def wait(self) -> None:
        """Wait for the writer."""
        self._writer.wait()

    def load(self) -> None:
        """Verify the checkpoint, then load it."""
        checkpoint, _ = self._store.latest_good()
        checkpoint.restore(self._subject.model, self._subject.optimizer)


class TorchSave:
    """`torch.save` of both state_dicts into one file, then `fsync`."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._path = subject.folder / "checkpoint.pt"

    def save(self) -> None:
        """Write the file."""
        with self._path.open("wb") as file:
            torch.save(_states(self._subject), file)
            file.flush()
            os.fsync(file.fileno())

    def wait(self) -> None:
        """Do nothing: `save` has written everything."""

    def load(self) -> None:
        """Read the file and load it."""
        states = torch.load(self._path, weights_only=True)
        self._subject.model.load_state_dict(states["model"])
        self._subject.optimizer.load_state_dict(states["optimizer"])


class Safetensors:
    """`safetensors.torch.save_file` of all tensors of both, everything else as JSON in the header, then `fsync`."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._path = subject.folder / "checkpoint.safetensors"
        self._rest: dict[str, Any] = {}

    def save(self) -> None:
        """Write the file."""
        states = _states(self._subject)
        tensors = {f"model.{name}": value for name, value in states["model"].items()}
        counts: dict[str, Any] = {}
        for index, kept in states["optimizer"]["state"].items():
            for key, value in kept.items():
                (tensors if isinstance(value, Tensor) else counts)[f"optimizer.{index}.{key}"] = value
        rest = {"counts": counts, "param_groups": states["optimizer"]["param_groups"]}
        save_file(tensors, self._path, metadata={"rest": json.dumps(rest)})
        self._rest = rest
        with self._path.open("rb") as file:
            os.fsync(file.fileno())

    def wait(self) -> None:
        """Do nothing: `save` has written everything."""

    def load(self) -> None:
        """Read the file and load it."""
        tensors = load_file(self._path)
        model: dict[str, Tensor] = {}
        state: dict[int, dict[str, Any]] = {}
        for name, value in (tensors | self._rest["counts"]).items():
            owner, _, rest = name.partition(".")
            if owner == "model":
                model[rest] = value
            else:
                index, _, key = rest.partition(".")
                state.setdefault(int(index), {})[key] = value
        self._subject.model.load_state_dict(model)
        self._subject.optimizer.load_state_dict({"state": state, "param_groups": self._rest["param_groups"]})


class Distributed:
    """`torch.distributed.checkpoint` in a single process; it syncs its files itself, and loads in place."""

    def __init__(self, subject: Subject, *, background: bool, keep_memory: bool = False) -> None:
        self._subject = subject
        self._background = background
        self._stager = DefaultStager(StagingOptions(False, False, False, False)) if keep_memory else None
        self._saving: Future[Any] | None = None

    def save(self) -> None:
        """Write the folder, or start writing it in the background."""
        states, folder = self._states(), self._subject.folder
        if self._background:
            saving = state_dict_saver.async_save(states, checkpoint_id=folder, async_stager=self._stager, no_dist=True)
            assert isinstance(saving, Future)
            self._saving = saving
        else:
            state_dict_saver.save(states, checkpoint_id=folder, no_dist=True)

    def wait(self) -> None:
        """Wait for a save in the background."""
        if self._saving is not None:
            self._saving.result()

    def load(self) -> None:
        """Read the folder and load it."""
        states = self._states()
        state_dict_loader.load(states, checkpoint_id=self._subject.folder, no_dist=True)
        self._subject.model.load_state_dict(states["model"])
        state = {int(index): kept for index, kept in states["optimizer"]["state"].items()}
        self._subject.optimizer.load_state_dict({**states["optimizer"], "state": state})

    def _states(self) -> dict[str, Any]:
        """Return both state_dicts with strings as keys, since integer keys would be loaded as strings."""
        states = _states(self._subject)
        state = {str(index): kept for index, kept in states["optimizer"]["state"].items()}
        return {**states, "optimizer": {**states["optimizer"], "state": state}}


def _states(subject: Subject) -> dict[str, Any]:
    return {"model": subject.model.state_dict(), "optimizer": subject.optimizer.state_dict()}


METHODS: dict[tuple[str, str], Callable[[Subject], Method]] = {
    ("ours", "foreground"): lambda subject: Ours(subject, background=False),
    ("ours", "background"): lambda subject: Ours(subject, background=True),
    ("torch.save", "foreground"): TorchSave,
    ("safetensors", "foreground"): Safetensors,
    ("torch.distributed.checkpoint", "foreground"): lambda subject: Distributed(subject, background=False),
    ("torch.distributed.checkpoint", "background"): lambda subject: Distributed(subject, background=True),
    ("torch.distributed.checkpoint", "background, stager kept"): lambda subject: Distributed(
        subject, background=True, keep_memory=True
    ),
}
"""By library and mode, ours first."""


def timed_save(method: Method) -> dict[str, float]:
    """Save; return the seconds for which training waits and those until everything is on the disk."""
    start = time.perf_counter()
    method.save()
    stall = time.perf_counter() - start
    method.wait()
    return {"stall_seconds": stall, "seconds": time.perf_counter() - start}
