"""Text files of stories, one for training and one for validation."""

from collections.abc import Iterator
from pathlib import Path

from stories.generator import generate_stories

END_OF_STORY = "<|endoftext|>"


def split_stories(stories: Iterator[str], valid_fraction: float) -> tuple[list[str], list[str]]:
    """Assign each story to train or valid, so that valid never has more than its share of the text."""
    train: list[str] = []
    valid: list[str] = []
    size = valid_size = 0
    for story in stories:
        size += len(story)
        if valid_size + len(story) <= valid_fraction * size:
            valid_size += len(story)
            valid.append(story)
        else:
            train.append(story)
    return train, valid


def write_corpus(train_path: Path, valid_path: Path, num_bytes: int, seed: int, valid_fraction: float = 0.05) -> None:
    """Write a text file for training and one for validation; no story is in both.

    Each story is followed by a line `<|endoftext|>`. Both files are written under temporary names and renamed when
    both are complete, so that a failure leaves no incomplete corpus behind.

    Args:
        train_path: file for the training stories.
        valid_path: file for the validation stories.
        num_bytes: the total size of the stories in bytes, separators not counted; the last story may exceed it.
        seed: which stories; the same seed gives the same files.
        valid_fraction: share of the text that goes to `valid_path`.

    Raises:
        ValueError: if an argument is out of range, or `num_bytes` too small for one story in each file.
    """
    if not 0.0 < valid_fraction < 1.0:
        raise ValueError(f"valid_fraction must be strictly between 0 and 1, got {valid_fraction}")
    if train_path == valid_path:
        raise ValueError(f"train_path and valid_path must differ, got {train_path} for both")
    train, valid = split_stories(generate_stories(num_bytes, seed), valid_fraction)
    if not valid:
        raise ValueError(f"num_bytes={num_bytes} is too small to hold a validation story at {valid_fraction=}")
    _write_all({train_path: train, valid_path: valid})


def _write_all(files: dict[Path, list[str]]) -> None:
    """Write each list of stories to its path; no file is renamed to its path before all are complete."""
    partial = {path: path.with_name(path.name + ".partial") for path in files}
    try:
        for path, stories in files.items():
            text = "".join(f"{story}\n{END_OF_STORY}\n" for story in stories)
            partial[path].write_text(text, encoding="utf-8", newline="\n")
        for path in files:
            partial[path].replace(path)
    finally:
        for leftover in partial.values():
            leftover.unlink(missing_ok=True)
