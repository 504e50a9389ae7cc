"""Writing a folder completely or not at all."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nn.interchange.errors import InterchangeError


@contextmanager
def whole_folder(path: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[Path]:
    """Create a folder for a model, which appears under its name only once the block has filled it without an error.

    Args:
        path: the folder; its parents are created.
        overwrite: replace a folder of that name, and everything in it, if it contains a model (a `config.json`).

    Yields:
        A temporary folder in the same parent, to write the files into.

    Raises:
        InterchangeError: something of that name exists that must not be replaced.
        OSError: it cannot be written. Then nothing is left of it, and an existing folder is unchanged.
    """
    path = Path(path)
    _check_place(path, overwrite)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    temporary.mkdir()
    try:
        yield temporary
        for file in temporary.iterdir():
            file.chmod(temporary.stat().st_mode & 0o666)  # safetensors creates private files
            _sync(file)
        _sync(temporary)
        _put_in_place(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _check_place(path: Path, overwrite: bool) -> None:
    if not path.name:
        raise InterchangeError(f"{path} is not a name for a new folder: give one such as exported/model")
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise InterchangeError(f"{path} exists and is not a folder: choose another name")
    if not path.exists() or not any(path.iterdir()):
        return
    if not overwrite:
        raise InterchangeError(f"{path} is not empty: choose another name, or allow overwriting")
    if not (path / "config.json").is_file():
        raise InterchangeError(
            f"{path} is not empty and does not contain a model (config.json), so it is not overwritten: choose another "
            "name"
        )


def _put_in_place(temporary: Path, path: Path) -> None:
    """Rename a folder, keeping the one that it replaces until the new one is in place."""
    replaced = path.with_name(f"{temporary.name}.replaced")
    if path.exists():
        path.replace(replaced)
    try:
        temporary.replace(path)
    except BaseException:
        if replaced.exists():
            replaced.replace(path)
        raise
    _sync(path.parent)
    shutil.rmtree(replaced, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some file systems cannot sync a folder
            raise
    finally:
        os.close(descriptor)
