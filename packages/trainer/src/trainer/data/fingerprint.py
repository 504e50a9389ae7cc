"""Fingerprints of the data of a run, so that it is not resumed on different data by mistake."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from trainer.data.joined_tokens import JoinedTokens
from trainer.data.token_files import DataError, Shard, TokenFile

_WHOLE_UP_TO = 16 << 30
_BLOCK_BYTES = 1 << 20
_NUM_SAMPLES = 1024


@dataclass(frozen=True)
class FileFingerprint:
    """The fingerprint of a token file. Paths are not compared, since files may be moved."""

    path: str
    """The path of the file when the run was started."""
    dtype: str
    """`uint16` or `uint32`."""
    count: int
    """Number of ids."""
    method: str
    """How `digest` was computed: `sha256` of the whole file, `sha256 of 1024 blocks` of 1 MiB spread over it, or
    `sha256 of the hashes of N shards`, those of their manifest."""
    digest: str
    """The hash in hexadecimal digits."""
    tokenizer_sha256: str | None
    """SHA-256 of the tokenizer that encoded the text; None if it is not known."""


@dataclass(frozen=True)
class DataFingerprint:
    """The fingerprints of all token files of a run, in the order of the configuration."""

    train: tuple[FileFingerprint, ...]
    """Files that the run is trained on."""
    valid: tuple[FileFingerprint, ...]
    """Files that the run is evaluated on."""


def fingerprint_data(train: Sequence[TokenFile], valid: Sequence[TokenFile]) -> DataFingerprint:
    """Return the fingerprints of files, which are read once. Hashing releases the GIL, so a thread may do this.

    Raises:
        OSError: a file cannot be read.
    """
    return DataFingerprint(tuple(map(fingerprint_file, train)), tuple(map(fingerprint_file, valid)))


def fingerprint_file(file: TokenFile, *, whole_up_to: int = _WHOLE_UP_TO) -> FileFingerprint:
    """Return the fingerprint of a token file, or of the shards of a manifest.

    Shards are not read: the hashes in their manifest were compared with their content when they were opened, unless
    that was not wanted.

    Args:
        file: the file.
        whole_up_to: size in bytes up to which the whole file is hashed. Of a larger file 1 GiB is hashed, which
            distinguishes corpora, orders and lengths, but may miss a small change in the middle.

    Raises:
        OSError: the file cannot be read.
    """
    if isinstance(file.tokens, JoinedTokens):
        method, digest = f"sha256 of the hashes of {len(file.shards)} shards", _shards_digest(file.shards)
    else:
        # From the memory map, since the file may have been moved.
        content: memoryview = np.asarray(file.tokens).view(np.uint8).data
        if len(content) <= whole_up_to:
            method, digest = "sha256", hashlib.sha256(content).hexdigest()
        else:
            method, digest = f"sha256 of {_NUM_SAMPLES} blocks", _sampled_digest(content)
    return FileFingerprint(
        str(file.path), file.tokens.dtype.name, len(file.tokens), method, digest, file.tokenizer_sha256
    )


def _shards_digest(shards: Sequence[Shard]) -> str:
    """Return the hash of the counts and hashes of shards, in their order. Names do not count: files may be renamed."""
    return hashlib.sha256("".join(f"{shard.count} {shard.sha256}\n" for shard in shards).encode()).hexdigest()


def _sampled_digest(content: memoryview) -> str:
    """Return the hash of the size and of blocks from the first byte to the last, at equal distances."""
    size = len(content)
    state = hashlib.sha256(size.to_bytes(8, "little"))
    block_bytes = min(_BLOCK_BYTES, size)
    for k in range(_NUM_SAMPLES):
        start = (size - block_bytes) * k // (_NUM_SAMPLES - 1)
        state.update(content[start : start + block_bytes])
    return state.hexdigest()


def save_fingerprint(fingerprint: DataFingerprint, path: str | os.PathLike[str]) -> None:
    """Write a fingerprint as JSON, completely or not at all."""
    temporary = Path(f"{os.fspath(path)}.tmp")
    temporary.write_text(json.dumps(asdict(fingerprint), indent=2) + "\n", "utf-8")
    temporary.replace(path)


def load_fingerprint(path: str | os.PathLike[str]) -> DataFingerprint:
    """Read a fingerprint that `save_fingerprint` wrote.

    Raises:
        DataError: the file is missing or damaged.
    """
    try:
        content = json.loads(Path(path).read_text("utf-8"))
        return DataFingerprint(*(tuple(map(_file_from, content[name])) for name in ("train", "valid")))
    except FileNotFoundError:
        raise DataError(
            f"{path} does not exist, so it is not known what the run was trained on: start a new run"
        ) from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise DataError(f"{path} is damaged, so it is not known what the run was trained on: start a new run") from None


def _file_from(content: dict[str, Any]) -> FileFingerprint:
    file = FileFingerprint(**content)
    for field in fields(file):
        value = getattr(file, field.name)
        valid = type(value) is int if field.name == "count" else isinstance(value, str)
        if not (valid or (field.name == "tokenizer_sha256" and value is None)):
            raise TypeError(f"{field.name} is {value!r}")
    return file


def difference(old: DataFingerprint, new: DataFingerprint) -> list[str]:
    """Return the differences of two fingerprints, a sentence each; empty if the data is the same, at any path."""
    sentences = []
    for name in ("train", "valid"):
        before, after = getattr(old, name), getattr(new, name)
        if len(before) != len(after):
            numbers = f"{len(before)} files before, {len(after)} now"
            sentences.append(f"{name}: {numbers} ({_names(before)}; {_names(after)})")
            continue
        for k, (one, other) in enumerate(zip(before, after, strict=True)):
            changes = _changes(one, other)
            if changes:
                moved = "" if one.path == other.path else f" (before: {one.path})"
                place = f" file {k + 1} of {len(after)}" if len(after) > 1 else ""
                sentences.append(f"{name}{place}, {other.path}{moved}: {', '.join(changes)}")
    return sentences


def _changes(old: FileFingerprint, new: FileFingerprint) -> list[str]:
    changes = []
    if old.count != new.count:
        changes.append(f"{old.count:,} ids before, {new.count:,} now")
    if old.dtype != new.dtype:
        changes.append(f"{old.dtype} before, {new.dtype} now")
    if None not in (old.tokenizer_sha256, new.tokenizer_sha256) and old.tokenizer_sha256 != new.tokenizer_sha256:
        changes.append(f"a different tokenizer ({str(old.tokenizer_sha256)[:8]}…, {str(new.tokenizer_sha256)[:8]}…)")
    if old.method != new.method:
        changes.append(f"cannot be compared ({old.method} before, {new.method} now)")
    elif old.digest != new.digest and not changes:
        changes.append(f"different ids ({new.method} {old.digest[:8]}… before, {new.digest[:8]}… now)")
    return changes


def _names(files: tuple[FileFingerprint, ...]) -> str:
    return ", ".join(file.path for file in files) or "none"


def refuse_other_data(old: DataFingerprint, new: DataFingerprint) -> None:
    """Refuse to resume a run on other data than it was started on.

    Args:
        old: the fingerprint of the run.
        new: the fingerprint of the present data.

    Raises:
        DataError: the data differs; the message says how.
    """
    sentences = difference(old, new)
    if sentences:
        raise DataError(
            f"the run was started on different data: {'; '.join(sentences)}. Use the data it was started on, "
            "or start a new run"
        )
