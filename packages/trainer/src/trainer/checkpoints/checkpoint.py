"""Saving and loading a checkpoint in one call: a folder with tensors as safetensors and everything else as JSON.

    model.safetensors      the model's tensors, by their names in its state_dict
    optimizer.safetensors  the optimizer's tensors, by their place in its state_dict
    state.json             the step, both state_dicts with each tensor replaced by {"$tensor": its name}, the hashes

There is no pickle, so loading cannot run code. Any module and any optimizer can be saved whose state_dict is built of
tensors, numbers, strings, lists, tuples and dictionaries. A tensor with two names, such as a tied weight, is stored
once.
"""

import os

from torch.nn import Module
from torch.optim import Optimizer

from trainer.checkpoints.format import Progress
from trainer.checkpoints.reading import open_checkpoint
from trainer.checkpoints.writing import contents_of, write_checkpoint


def save_checkpoint(model: Module, optimizer: Optimizer | None, iteration: int, out: str | os.PathLike[str]) -> None:
    """Write the folder of a checkpoint, which appears under its name only when it is complete.

    Args:
        model: any module.
        optimizer: any optimizer, or None to save the model alone.
        iteration: number of updates so far.
        out: the folder. A checkpoint or an empty folder with this name is replaced, but never anything else.

    Raises:
        StateError: a state_dict contains something that a checkpoint cannot store.
        CheckpointWriteError: the folder cannot be written, or there is something else than a checkpoint; nothing has
            changed and nothing is left behind.
        TypeError: `out` is not a path.
    """
    write_checkpoint(out, contents_of(model, optimizer, Progress(iteration)))


def load_checkpoint(
    src: str | os.PathLike[str], model: Module, optimizer: Optimizer | None = None, *, finite: bool = True
) -> int:
    """Fill a model, and an optimizer if given, from the folder of a checkpoint.

    Everything is read and compared before the model or the optimizer is changed.

    Args:
        src: the folder.
        model: a module of the same shape as the saved one.
        optimizer: an optimizer over the same parameters, or None to load the model alone.
        finite: refuse weights and optimizer state that contain NaN or infinity.

    Returns:
        The iteration at which the checkpoint was saved.

    Raises:
        CheckpointError: the checkpoint is missing or damaged, or does not fit the model or the optimizer.
        TypeError: `src` is not a path.
    """
    return open_checkpoint(src).restore(model, optimizer, finite=finite).step
