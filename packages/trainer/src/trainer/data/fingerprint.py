"""What a run was trained on, in a few lines of JSON, so that it is not resumed on something else unnoticed."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from trainer.data.token_files import DataError, TokenFile

_WHOLE_UP_TO = 16 << 30
_BLOCK_BYTES = 1 << 20
_NUM_SAMPLES = 1024


@dataclass(frozen=True)
class FileFingerprint:
    """One token file. Its place is told, but not compared: files may be moved."""

    path: str
    """Where it was."""
    dtype: str
    """`uint16` or `uint32`."""
    count: int
    """Number of ids."""
    method: str
    """What `digest` is: `sha256` of the whole file, or `sha256 of 1024 blocks` of 1 MiB that are spread over it."""
    digest: str
    """In hexadecimal digits."""
    tokenizer_sha256: str | None
    """Fingerprint of the tokenizer that made the ids, if known."""


@dataclass(frozen=True)
class DataFingerprint:
    """All token files of a run, in their order."""

    train: tuple[FileFingerprint, ...]
    """What it is trained on."""
    valid: tuple[FileFingerprint, ...]
    """What it is evaluated on."""


def fingerprint_data(train: Sequence[TokenFile], valid: Sequence[TokenFile]) -> DataFingerprint:
    """Read the files once and say what they hold. The interpreter is free meanwhile, so a thread may do this.

    Raises:
        OSError: a file cannot be read.
    """
    return DataFingerprint(tuple(map(fingerprint_file, train)), tuple(map(fingerprint_file, valid)))


def fingerprint_file(file: TokenFile, *, whole_up_to: int = _WHOLE_UP_TO) -> FileFingerprint:
    """Say what a token file holds.

    Args:
        file: the file.
        whole_up_to: bytes up to which all of it is hashed. Of a larger file 1 GiB is: enough to tell corpora, orders
            and lengths apart, but not to notice a small change in the middle.

    Raises:
        OSError: the file cannot be read.
    """
    # Of the open file, which may have been moved since.
    content: memoryview = np.asarray(file.tokens).view(np.uint8).data
    if len(content) <= whole_up_to:
        method, digest = "sha256", hashlib.sha256(content).hexdigest()
    else:
        method, digest = f"sha256 of {_NUM_SAMPLES} blocks", _sampled_digest(content)
    return FileFingerprint(
        str(file.path), file.tokens.dtype.name, len(file.tokens), method, digest, file.tokenizer_sha256
    )


def _sampled_digest(content: memoryview) -> str:
    """Hash the size, and blocks from the first byte to the last, their starts equally far apart."""
    size = len(content)
    state = hashlib.sha256(size.to_bytes(8, "little"))
    block_bytes = min(_BLOCK_BYTES, size)
    for k in range(_NUM_SAMPLES):
        start = (size - block_bytes) * k // (_NUM_SAMPLES - 1)
        state.update(content[start : start + block_bytes])
    return state.hexdigest()


def save_fingerprint(fingerprint: DataFingerprint, path: str | os.PathLike[str]) -> None:
    """Write a fingerprint as JSON, whole or not at all."""
    temporary = Path(f"{os.fspath(path)}.tmp")
    temporary.write_text(json.dumps(asdict(fingerprint), indent=2) + "\n", "utf-8")
    temporary.replace(path)


def load_fingerprint(path: str | os.PathLike[str]) -> DataFingerprint:
    """Read what `save_fingerprint` wrote.

    Raises:
        DataError: the file is missing or damaged.
    """
    try:
        content = json.loads(Path(path).read_text("utf-8"))
        return DataFingerprint(*(tuple(map(_file_from, content[part])) for part in ("train", "valid")))
    except FileNotFoundError:
        raise DataError(
            f"{path} does not exist, so what the run was trained on is not known: start a new run"
        ) from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise DataError(f"{path} is damaged, so what the run was trained on is not known: start a new run") from None


def _file_from(content: dict[str, Any]) -> FileFingerprint:
    file = FileFingerprint(**content)
    for field in fields(file):
        value = getattr(file, field.name)
        right = type(value) is int if field.name == "count" else isinstance(value, str)
        if not (right or (field.name == "tokenizer_sha256" and value is None)):
            raise TypeError(f"{field.name} is {value!r}")
    return file


def difference(old: DataFingerprint, new: DataFingerprint) -> list[str]:
    """Say in what the data differs, a sentence each; the list is empty if it is the same, wherever it lies."""
    sentences = []
    for part in ("train", "valid"):
        before, after = getattr(old, part), getattr(new, part)
        if len(before) != len(after):
            numbers = f"{len(before)} files before, {len(after)} now"
            sentences.append(f"{part}: {numbers} ({_names(before)}; {_names(after)})")
            continue
        for k, (one, other) in enumerate(zip(before, after, strict=True)):
            changes = _changes(one, other)
            if changes:
                moved = "" if one.path == other.path else f" (before: {one.path})"
                place = f" file {k + 1} of {len(after)}" if len(after) > 1 else ""
                sentences.append(f"{part}{place}, {other.path}{moved}: {', '.join(changes)}")
    return sentences


def _changes(old: FileFingerprint, new: FileFingerprint) -> list[str]:
    changes = []
    if old.count != new.count:
        changes.append(f"{old.count:,} ids before, {new.count:,} now")
    if old.dtype != new.dtype:
        changes.append(f"{old.dtype} before, {new.dtype} now")
    if None not in (old.tokenizer_sha256, new.tokenizer_sha256) and old.tokenizer_sha256 != new.tokenizer_sha256:
        changes.append(f"another tokenizer ({str(old.tokenizer_sha256)[:8]}…, {str(new.tokenizer_sha256)[:8]}…)")
    if old.method != new.method:
        changes.append(f"cannot be compared ({old.method} before, {new.method} now)")
    elif old.digest != new.digest and not changes:
        changes.append(f"other ids ({new.method} {old.digest[:8]}… before, {new.digest[:8]}… now)")
    return changes


def _names(files: tuple[FileFingerprint, ...]) -> str:
    return ", ".join(file.path for file in files) or "none"


def refuse_other_data(old: DataFingerprint, new: DataFingerprint) -> None:
    """Let a run go on only with the data that it was started on.

    Args:
        old: of the run.
        new: of the data at hand.

    Raises:
        DataError: the data differs; the sentence says in what.
    """
    sentences = difference(old, new)
    if sentences:
        raise DataError(
            f"the run was started on other data: {'; '.join(sentences)}. Give the data it was started on, "
            "or start a new run"
        )
