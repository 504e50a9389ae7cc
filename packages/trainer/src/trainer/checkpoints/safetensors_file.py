"""Tensors in files of the safetensors format: written with a hash in passing, read back by the library itself.

A file is the length of the header as eight bytes, least first; the header, JSON that tells each tensor's dtype, shape
and place; and the tensors, one after the other (https://huggingface.co/docs/safetensors). It is written here and not
by the library for the sake of the hash, which costs no second reading, and of errors that name their cause.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from trainer.checkpoints.errors import CheckpointError, StateError
from trainer.checkpoints.format import FileRecord, shorten

_PIECE = 1 << 24  # bytes that are hashed and written at a time
_DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint64: "U64",
    torch.uint32: "U32",
    torch.uint16: "U16",
    torch.uint8: "U8",
    torch.bool: "BOOL",
    torch.complex64: "C64",
}


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> FileRecord:
    """Write a new file, wait until it is on the disk, and return its size and hash.

    Args:
        path: where there is no file yet.
        tensors: of any layout and on any device; each is brought to the CPU by itself.

    Raises:
        StateError: a tensor's dtype has no place in such a file.
        OSError: the file cannot be written.
    """
    order = _order(tensors)
    size, sha256 = 0, hashlib.sha256()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        for piece in _pieces(tensors, order):
            sha256.update(piece)
            write_all(descriptor, piece)
            size += len(piece)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return FileRecord(size, sha256.hexdigest())


def write_all(descriptor: int, data: memoryview) -> None:
    """Write all of `data`, however little the system takes at a time."""
    while data:
        data = data[os.write(descriptor, data) :]


def file_size(tensors: Mapping[str, Tensor]) -> int:
    """Return how many bytes `write_tensors` would write."""
    return len(_header(tensors, _order(tensors))) + sum(tensor.nbytes for tensor in tensors.values())


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return all tensors of a file, in memory of their own.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    # Copied, since the tensors can lie in the mapped file, at addresses for which reductions take another order:
    # bits would differ after resuming, and the file could not be deleted.
    with _opened(path) as file:
        return {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 (it is no mapping)


def stored_names(path: Path) -> set[str]:
    """Return the names of a file's tensors, after checking that the file is as long as its header says.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    with _opened(path) as file:
        return set(file.keys())


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a file, and name it in whatever turns out to be wrong with it."""
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            yield file
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing, so this is no whole checkpoint: use another one") from None
    except (SafetensorError, OSError, RuntimeError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise CheckpointError(
            f"{path} is truncated or damaged ({shorten(str(error))}): use another checkpoint, "
            "or delete this one's folder to go on from the one before"
        ) from None


def _order(tensors: Mapping[str, Tensor]) -> list[str]:
    """Return the names in the order of the file: wide elements first, so that each tensor begins at a multiple."""
    for name, tensor in tensors.items():
        if tensor.dtype not in _DTYPES:
            raise StateError(f"{name} is of dtype {tensor.dtype}, which a checkpoint cannot hold")
        if name == "__metadata__":
            raise StateError("a tensor has the name __metadata__, which safetensors keeps for itself: rename it")
    return sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))


def _header(tensors: Mapping[str, Tensor], order: list[str]) -> bytes:
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}  # which other libraries ask for
    start = 0
    for name in order:
        tensor, end = tensors[name], start + tensors[name].nbytes
        header[name] = {"dtype": _DTYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [start, end]}
        start = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _pieces(tensors: Mapping[str, Tensor], order: list[str]) -> Iterator[memoryview]:
    yield memoryview(_header(tensors, order))
    for name in order:
        plain = tensors[name].detach().cpu().resolve_conj().resolve_neg().contiguous()
        content = memoryview(plain.reshape(-1).view(torch.uint8).numpy().data)
        for start in range(0, len(content), _PIECE):
            yield content[start : start + _PIECE]
