"""Checkpoints in two calls: a folder with tensors as safetensors and all the rest as JSON.

    model.safetensors      the model's tensors, by their names in its state_dict
    optimizer.safetensors  the optimizer's tensors, by their place in its state_dict
    state.json             the step, both state_dicts with each tensor replaced by {"$tensor": its name}, the hashes

No pickle, so loading runs no code. It works for any module and any optimizer whose state_dict is built of tensors,
numbers, strings, lists, tuples and dictionaries. A tensor that appears twice, such as a tied weight, is stored once.
"""

import os

from torch.nn import Module
from torch.optim import Optimizer

from trainer.checkpoints.format import Progress
from trainer.checkpoints.reading import open_checkpoint
from trainer.checkpoints.writing import contents_of, write_checkpoint


def save_checkpoint(model: Module, optimizer: Optimizer | None, iteration: int, out: str | os.PathLike[str]) -> None:
    """Write a checkpoint folder, which appears under its name only once it is whole.

    Args:
        model: any module.
        optimizer: any optimizer, or None to store the model alone.
        iteration: number of updates so far.
        out: the folder; one that exists is replaced.

    Raises:
        StateError: a state_dict holds something that a checkpoint cannot.
        CheckpointWriteError: the folder cannot be written; nothing is left of it then.
    """
    write_checkpoint(out, contents_of(model, optimizer, Progress(iteration)))


def load_checkpoint(
    src: str | os.PathLike[str], model: Module, optimizer: Optimizer | None = None, *, finite: bool = True
) -> int:
    """Fill a model, and an optimizer if given, from a checkpoint folder.

    All is read and compared before anything is changed.

    Args:
        src: the folder.
        model: a module of the same shape as the saved one.
        optimizer: an optimizer over the same parameters, or None to load the model alone.
        finite: refuse weights and optimizer state that hold NaN or infinity.

    Returns:
        The iteration that the checkpoint was saved at.

    Raises:
        CheckpointError: the checkpoint is missing or damaged, or does not fit the model or the optimizer.
    """
    return open_checkpoint(src).restore(model, optimizer, finite=finite).step
