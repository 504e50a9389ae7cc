"""Checkpoints: a folder with tensors as safetensors and all the rest as JSON. No pickle, so loading runs no code.

    model.safetensors      the model's tensors, by their names in its state_dict
    optimizer.safetensors  the optimizer's tensors, by their place in its state_dict
    state.json             the iteration, and both state_dicts with each tensor replaced by {"$tensor": its name}

It works for any module and any optimizer whose state_dict is built of tensors, numbers, strings, lists, tuples and
dictionaries. A tensor that appears twice, such as a tied weight, is stored once.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import Module
from torch.optim import Optimizer

from trainer.state import StateError, flatten, unflatten

_FORMAT = 1


class CheckpointError(ValueError):
    """A checkpoint that is missing, damaged, or belongs to another model."""


def save_checkpoint(model: Module, optimizer: Optimizer | None, iteration: int, out: str | os.PathLike[str]) -> None:
    """Write a checkpoint folder, which appears under its name only once it is whole.

    Args:
        model: any module.
        optimizer: any optimizer, or None to store the model alone.
        iteration: number of updates so far.
        out: the folder; one that exists is replaced.

    Raises:
        StateError: a state_dict holds something that a checkpoint cannot.
        OSError: the folder cannot be written; nothing is left of it then.
    """
    out = Path(out)
    model_tree, model_tensors = flatten(model.state_dict())
    optimizer_tree, optimizer_tensors = flatten(optimizer.state_dict() if optimizer else None)
    state = {
        "format": _FORMAT,
        "iteration": iteration,
        "model": model_tree,
        "optimizer_class": type(optimizer).__name__ if optimizer else None,
        "optimizer": optimizer_tree,
    }
    temporary = out.with_name(f".{out.name}.{os.urandom(4).hex()}")
    temporary.mkdir(parents=True)
    try:
        (temporary / "state.json").write_text(json.dumps(state) + "\n", "utf-8")
        save_file(model_tensors, temporary / "model.safetensors")
        save_file(optimizer_tensors, temporary / "optimizer.safetensors")
        for file in temporary.iterdir():
            file.chmod((temporary / "state.json").stat().st_mode)  # safetensors makes its files private
            _sync(file)
        _sync(temporary)
        _put_in_place(temporary, out)
    except SafetensorError as error:
        raise OSError(f"checkpoint {out} cannot be written: {error}") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


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
    _sync(out.parent)
    shutil.rmtree(replaced, ignore_errors=True)


def load_checkpoint(src: str | os.PathLike[str], model: Module, optimizer: Optimizer | None = None) -> int:
    """Fill a model, and an optimizer if given, from a checkpoint folder.

    All is read and compared before anything is changed.

    Args:
        src: the folder.
        model: a module of the same shape as the saved one.
        optimizer: an optimizer over the same parameters, or None to load the model alone.

    Returns:
        The iteration that the checkpoint was saved at.

    Raises:
        CheckpointError: the checkpoint is missing or damaged, or does not fit the model or the optimizer.
    """
    src = Path(src)
    if not src.is_dir():
        raise CheckpointError(f"checkpoint {src} does not exist: name a folder such as checkpoints/step_00001000")
    state = _read_state(src / "state.json")
    try:
        model_state = unflatten(state["model"], _read_tensors(src / "model.safetensors"))
        optimizer_state = None
        if optimizer is not None:
            optimizer_state = unflatten(state["optimizer"], _read_tensors(src / "optimizer.safetensors"))
    except StateError as error:
        raise CheckpointError(f"checkpoint {src} is damaged: {error}; use another one") from None
    _compare(model_state, model.state_dict(), src)
    if optimizer is not None:
        saved_class, given_class = state.get("optimizer_class"), type(optimizer).__name__
        if optimizer_state is None:
            raise CheckpointError(f"checkpoint {src} was saved without an optimizer: no training can go on from it")
        if saved_class != given_class:
            raise CheckpointError(
                f"checkpoint {src} was trained with {saved_class}, not with {given_class}: keep its optimizer"
            )
        try:
            optimizer.load_state_dict(optimizer_state)
        except (ValueError, KeyError, TypeError) as error:
            raise CheckpointError(f"checkpoint {src} does not fit the optimizer: {error}") from None
    model.load_state_dict(model_state)
    return int(state["iteration"])


def _read_state(path: Path) -> dict[str, Any]:
    try:
        state = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing, so this is no whole checkpoint: use another one") from None
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged ({error}): use another checkpoint") from None
    if not isinstance(state, dict) or state.get("format") != _FORMAT or not isinstance(state.get("iteration"), int):
        raise CheckpointError(f"{path} is not the state of a checkpoint of format {_FORMAT}: use another checkpoint")
    if not {"model", "optimizer"} <= state.keys():
        raise CheckpointError(f"{path} is damaged (it holds no model): use another checkpoint")
    return state


def _read_tensors(path: Path) -> dict[str, Tensor]:
    try:
        # Copied, since the tensors of load_file can lie in the mapped file, at addresses for which reductions take
        # another order: bits would differ after resuming, and the file could not be deleted.
        return {name: tensor.clone() for name, tensor in load_file(path).items()}
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing, so this is no whole checkpoint: use another one") from None
    except SafetensorError as error:
        raise CheckpointError(
            f"{path} is truncated or damaged ({error}): use another checkpoint, "
            "or delete this one's folder to go on from the one before"
        ) from None


def _compare(loaded: Any, expected: dict[str, Any], src: Path) -> None:
    """Refuse a checkpoint whose tensors are not those of the model, naming the first difference."""
    if not isinstance(loaded, dict) or loaded.keys() != expected.keys():
        names = set(loaded if isinstance(loaded, dict) else ()) ^ expected.keys()
        raise CheckpointError(
            f"checkpoint {src} is of another model: {len(names)} names do not match, "
            f"such as {min(names, default='none')}; use the configuration that it was trained with"
        )
    for name, tensor in expected.items():
        if not isinstance(tensor, Tensor):
            continue
        found = loaded[name]
        if not isinstance(found, Tensor) or found.shape != tensor.shape or found.dtype != tensor.dtype:
            raise CheckpointError(
                f"checkpoint {src} is of another model: {name} is {_describe(found)} there and {_describe(tensor)} "
                "here; use the configuration that it was trained with"
            )


def _describe(value: Any) -> str:
    if not isinstance(value, Tensor):
        return type(value).__name__
    return f"{str(value.dtype).removeprefix('torch.')}{list(value.shape)}"


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
