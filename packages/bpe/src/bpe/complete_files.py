"""Which file of a folder contains a complete tokenizer."""

import os
from pathlib import Path

from bpe.checks import check_path

COMPLETE_FILES = ("tokenizer.json", "tekken.json", "tokenizer.model", "tokenizer.bin")
"""The files of a complete tokenizer in a folder. If there are several, the first one is read."""


def complete_file(path: Path) -> Path | None:
    """Return the file of a complete tokenizer in a folder, None if there is none; a path of a file as it is."""
    if not path.is_dir():
        return path
    return next((path / name for name in COMPLETE_FILES if (path / name).is_file()), None)


def find_complete_file(path: str | os.PathLike[str]) -> Path:
    """Return what `complete_file` does.

    Raises:
        TokenizerFileError: a folder contains none of `COMPLETE_FILES`.
        ValueError: `path` is not a path.
    """
    found = complete_file(Path(check_path(path, "path", "tokenizers are read from files")))
    if found is None:
        from bpe.formats.parts import TokenizerFileError

        raise TokenizerFileError(
            f"{path} is a folder with none of {', '.join(COMPLETE_FILES)}: give the path of a file"
        )
    return found
