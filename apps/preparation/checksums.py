"""Checksums of files: all bytes, to verify a download, or a sample, to recognize a file again quickly."""

import hashlib
import re
from pathlib import Path

from bpe import Progress

_READ_BYTES = 1 << 20
_BLOCK_BYTES = 1 << 16
_NUM_BLOCKS = 64
_SHOWN_FROM = 100_000_000  # bytes; less takes no time worth reporting


def is_sha256(name: str) -> bool:
    """Return whether a name consists of the digits of a SHA-256."""
    return re.fullmatch("[0-9a-f]{64}", name) is not None


def sha256_of(path: Path, label: str) -> str:
    """Return the SHA-256 of a file in hexadecimal digits. The progress of a large one is shown, named `label`."""
    size = path.stat().st_size
    digest = hashlib.sha256()
    with Progress(label, size, shown=size >= _SHOWN_FROM or None) as display, path.open("rb") as file:
        while data := file.read(_READ_BYTES):
            digest.update(data)
            display.advance(len(data))
    return digest.hexdigest()


def fingerprint(path: Path) -> str:
    """Return a SHA-256 of the size of a file and of 64 blocks of 64 KiB, from its first byte to its last.

    That covers all of a file of up to 4 MiB, and distinguishes other files, truncated ones and unfinished ones, but may
    miss a small change in the middle of a large one. It takes milliseconds whatever the size.
    """
    size = path.stat().st_size
    digest = hashlib.sha256(size.to_bytes(8, "little"))
    with path.open("rb", buffering=0) as file:
        if size <= _BLOCK_BYTES * _NUM_BLOCKS:
            digest.update(file.read())
        else:
            for number in range(_NUM_BLOCKS):
                file.seek((size - _BLOCK_BYTES) * number // (_NUM_BLOCKS - 1))
                digest.update(file.read(_BLOCK_BYTES))
    return digest.hexdigest()
