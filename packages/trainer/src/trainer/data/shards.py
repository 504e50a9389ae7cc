"""Shards: a data set in several token files, which a manifest lists, opened as if they were one token file.

The manifest is a JSON file in the folder of the shards. It states `dtype`, `vocab_size` and optionally
`tokenizer_sha256` and `text_bytes`, as the description of a token file does, and for each of `shards` its `name`
(relative to the folder), `count` and `sha256`.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from trainer.data.joined_tokens import JoinedTokens
from trainer.data.token_files import DTYPES, DataError, Shard, TokenFile, check_ids

_VERSION = 1
_CHUNK_BYTES = 1 << 24
_MAX_THREADS = 8
_ADVICE = "write the manifest again"


@dataclass(frozen=True)
class _Manifest:
    dtype: np.dtype[Any]
    vocab_size: int
    tokenizer_sha256: str | None
    text_bytes: int | None
    shards: tuple[Shard, ...]


def open_shards(path: str | os.PathLike[str], vocab_size: int, *, verify: bool = True) -> TokenFile:
    """Open the shards of a manifest as one data set, memory-mapped read-only.

    The sizes of all shards are always compared with the manifest, and the vocabulary size that it states with that of
    the model. The content of all shards is compared with its hashes in several threads, in which each shard is read
    once, and every id is compared with the vocabulary.

    Args:
        path: the manifest.
        vocab_size: vocabulary size of the model; every id must be smaller.
        verify: whether to read the content of the shards.

    Raises:
        DataError: the manifest is damaged, a shard is missing or is not the one of the manifest, or contains an id
            outside the vocabulary. The message names the shard.
        OSError: a file cannot be read.
    """
    path = Path(path)
    manifest = _read_manifest(path)
    files = [path.parent / shard.name for shard in manifest.shards]
    for file, shard in zip(files, manifest.shards, strict=True):
        _check_size(file, shard, manifest.dtype, path)
    if manifest.vocab_size > vocab_size:
        raise DataError(
            f"{path} has ids of a vocabulary of {manifest.vocab_size} entries, but the model's vocabulary has "
            f"{vocab_size} entries: raise model.vocab_size, or encode the texts with the model's tokenizer"
        )
    if verify:
        with ThreadPoolExecutor(min(_MAX_THREADS, os.cpu_count() or 1)) as threads:
            checks = [
                threads.submit(_check_content, file, shard, manifest.dtype, vocab_size, path)
                for file, shard in zip(files, manifest.shards, strict=True)
            ]
            try:
                for check in checks:
                    check.result()
            finally:
                threads.shutdown(cancel_futures=True)
    tokens = JoinedTokens(files, [shard.count for shard in manifest.shards], manifest.dtype)
    return TokenFile(path, tokens, manifest.tokenizer_sha256, manifest.text_bytes, manifest.shards)


def _check_size(file: Path, shard: Shard, dtype: np.dtype[Any], manifest: Path) -> None:
    try:
        size = file.stat().st_size
    except FileNotFoundError:
        raise DataError(f"{file} does not exist, but {manifest} lists it: encode its text again") from None
    if size != shard.count * dtype.itemsize:
        raise DataError(
            f"{file} has {size} bytes, but {manifest} states {shard.count} ids of {dtype.itemsize} bytes: "
            "encode its text again"
        )


def _check_content(file: Path, shard: Shard, dtype: np.dtype[Any], vocab_size: int, manifest: Path) -> None:
    """Compare the hash of a shard with the manifest, and its ids with the vocabulary."""
    digest = hashlib.sha256()
    place = 0
    for chunk in _chunks(file):
        digest.update(chunk)
        ids = np.frombuffer(chunk, dtype)
        check_ids(ids, vocab_size, file, place)
        place += len(ids)
    if digest.hexdigest() != shard.sha256:
        raise DataError(
            f"{file} has changed since {manifest} was written (its SHA-256 is {digest.hexdigest()[:12]}…, not "
            f"{shard.sha256[:12]}…): encode its text again, or write the manifest again if the change is intended"
        )


def _chunks(file: Path) -> Iterator[bytes]:
    """Yield the content of a file. It is read rather than mapped: if it shrinks meanwhile, nothing crashes."""
    with file.open("rb") as content:
        while chunk := content.read(_CHUNK_BYTES):
            yield chunk


def _read_manifest(path: Path) -> _Manifest:
    try:
        content = json.loads(path.read_text("utf-8"))
        if content["version"] != _VERSION:
            raise ValueError(f"version {content['version']!r} instead of {_VERSION}")
        manifest = _Manifest(
            DTYPES[content["dtype"]],
            content["vocab_size"],
            content.get("tokenizer_sha256"),
            content.get("text_bytes"),
            tuple(Shard(entry["name"], entry["count"], entry["sha256"]) for entry in content["shards"]),
        )
        _check_types(manifest)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist: give the manifest of shards, or a token file") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"{path} is not a manifest of shards ({error!r}): {_ADVICE}, or give a token file") from None
    return manifest


def _check_types(manifest: _Manifest) -> None:
    """Check what was read from JSON.

    Raises:
        ValueError: a value is of the wrong type, a name leads out of the folder, or there are no ids.
    """
    for shard in manifest.shards:
        parts = PurePosixPath(shard.name).parts if isinstance(shard.name, str) else ()
        if not parts or ".." in parts or parts[0] == "/":
            raise ValueError(f"the name {shard.name!r}")
        if type(shard.count) is not int or shard.count < 0 or not isinstance(shard.sha256, str):
            raise ValueError(f"the shard {shard.name}")
    if sum(shard.count for shard in manifest.shards) == 0:
        raise ValueError("no ids")
    if type(manifest.vocab_size) is not int or not isinstance(manifest.tokenizer_sha256, str | None):
        raise ValueError("vocab_size or tokenizer_sha256")
    if manifest.text_bytes is not None and (type(manifest.text_bytes) is not int or manifest.text_bytes <= 0):
        raise ValueError(f"text_bytes = {manifest.text_bytes!r}")
