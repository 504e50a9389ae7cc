"""The folder of a checkpoint: moved into place as a whole, and the only thing that may be replaced or deleted.

A folder is a checkpoint if it contains the three files of one and nothing else, whether they are intact or not. So a
wrong path never costs anybody's files, and neither do notes that were added to a checkpoint.
"""

import errno
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from trainer.checkpoints.errors import CheckpointWriteError
from trainer.checkpoints.format import MODEL_FILE, OPTIMIZER_FILE, STATE_FILE

_NAME = re.compile(r"step_([0-9]{8,18})")
_FILES = (STATE_FILE, OPTIMIZER_FILE, MODEL_FILE)


def checkpoint_path(path: Any) -> Path:
    """Return the path of a checkpoint's folder.

    Raises:
        TypeError: it is not a path, such as an open file.
    """
    if not isinstance(path, str | os.PathLike) or isinstance(os.fspath(path), bytes):
        raise TypeError(
            f"a checkpoint is a folder, given by its path as a str or os.PathLike[str], not by {type(path).__name__}: "
            'use a path such as "checkpoints/step_00001000"'
        )
    return Path(path)


def step_path(folder: Path, step: int) -> Path:
    """Return the path of the checkpoint of a step in the folder of a run's checkpoints."""
    return folder / f"step_{step:08d}"


def saved_steps(folder: Path) -> list[int]:
    """Return the steps for which there is a folder, in ascending order; what is in them is not read."""
    found = []
    for path in folder.iterdir() if folder.is_dir() else ():
        match = _NAME.fullmatch(path.name)
        if match and path.is_dir() and not path.is_symlink() and path == step_path(folder, int(match[1])):
            found.append(int(match[1]))
    return sorted(found)


def is_checkpoint(folder: Path) -> bool:
    """Return whether a folder contains the files of a checkpoint and nothing else; a link is not a folder."""
    return not folder.is_symlink() and folder.is_dir() and _names(folder) == set(_FILES)


def refuse_to_replace(out: Path) -> None:
    """Refuse to write a checkpoint where there is anything but a checkpoint or an empty folder.

    Raises:
        CheckpointWriteError: the message names what is there.
    """
    if not out.name or out.name == "..":
        raise CheckpointWriteError(
            errno.EINVAL, f"{out} cannot become a checkpoint: give the name of a new folder, such as {out / 'step_1'}"
        )
    if not os.path.lexists(out):
        return
    if out.is_symlink():
        found = "it is a symbolic link"
    elif not out.is_dir():
        found = "it is a file"
    else:
        names = _names(out)
        if not names or names == set(_FILES):
            return
        others = sorted(names - set(_FILES))
        found = f"the folder contains {others[0]}" if others else "the folder contains only part of a checkpoint"
    raise CheckpointWriteError(
        errno.EEXIST,
        f"{out} is not a checkpoint ({found}) and is not replaced: "
        "choose another path, or remove it if it is not needed",
    )


def move_into_place(temporary: Path, out: Path) -> None:
    """Rename a complete folder, keeping the checkpoint that it replaces until then."""
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
    delete_checkpoint(replaced)


def delete_checkpoint(folder: Path) -> None:
    """Delete the files of a checkpoint, complete or not, and the folder if nothing else is in it.

    Nothing is raised if something cannot be deleted.
    """
    with suppress(OSError):
        if folder.is_symlink():
            folder.unlink()
            return
        for name in _FILES:
            (folder / name).unlink(missing_ok=True)
        folder.rmdir()


def sync_folder(path: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}
