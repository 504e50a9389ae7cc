"""Files in the safetensors format, written and hashed in one pass, and read with the library `safetensors`.

A file consists of the length of the header, as 8 bytes in little-endian order; the header, JSON with the dtype, shape
and offsets of each tensor; and the data of the tensors (https://huggingface.co/docs/safetensors). It is not written
with the library, since the hash would need a second pass, and its errors do not name the cause.
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

_CHUNK_BYTES = 1 << 24  # hashed and written at a time
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
        path: of a file that does not exist yet.
        tensors: with any strides and on any device; they are copied to the CPU one by one.

    Raises:
        StateError: a tensor has a dtype that the format does not support.
        OSError: the file cannot be written.
    """
    order = _order(tensors)
    size, sha256 = 0, hashlib.sha256()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        for chunk in _chunks(tensors, order):
            sha256.update(chunk)
            write_all(descriptor, chunk)
            size += len(chunk)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return FileRecord(size, sha256.hexdigest())


def write_all(descriptor: int, data: memoryview) -> None:
    """Write all of `data`; a single `os.write` may write less."""
    while data:
        data = data[os.write(descriptor, data) :]


def file_size(tensors: Mapping[str, Tensor]) -> int:
    """Return the size of the file that `write_tensors` would write, in bytes."""
    return len(_header(tensors, _order(tensors))) + sum(tensor.nbytes for tensor in tensors.values())


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return all tensors of a file, as copies in memory.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    # Copied, since the tensors can be views of the mapped file. At other alignments reductions add in another order, so
    # that a resumed run would differ in the last bits; and on Windows the file could not be deleted.
    with _opened(path) as file:
        return {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 it is not iterable


def stored_names(path: Path) -> set[str]:
    """Return the names of a file's tensors, after checking that the size of the file agrees with its header.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    with _opened(path) as file:
        return set(file.keys())


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a file, and name it in the message of any error."""
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            yield file
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing, so the checkpoint is incomplete: use another checkpoint") from None
    except (SafetensorError, OSError, RuntimeError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise CheckpointError(
            f"{path} is truncated or damaged ({shorten(str(error))}): use another checkpoint, "
            "or delete this one to resume from the one before"
        ) from None


def _order(tensors: Mapping[str, Tensor]) -> list[str]:
    """Return the names in the order of the file: wide elements first, so that all tensors are aligned."""
    for name, tensor in tensors.items():
        if tensor.dtype not in _DTYPES:
            raise StateError(f"{name} has dtype {tensor.dtype}, which a checkpoint cannot store")
        if name == "__metadata__":
            raise StateError("a tensor has the name __metadata__, which safetensors reserves: rename it")
    return sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))


def _header(tensors: Mapping[str, Tensor], order: list[str]) -> bytes:
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}  # which other libraries require
    start = 0
    for name in order:
        tensor, end = tensors[name], start + tensors[name].nbytes
        header[name] = {"dtype": _DTYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [start, end]}
        start = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _chunks(tensors: Mapping[str, Tensor], order: list[str]) -> Iterator[memoryview]:
    yield memoryview(_header(tensors, order))
    for name in order:
        dense = tensors[name].detach().cpu().resolve_conj().resolve_neg().contiguous()
        content = memoryview(dense.reshape(-1).view(torch.uint8).numpy().data)
        for start in range(0, len(content), _CHUNK_BYTES):
            yield content[start : start + _CHUNK_BYTES]
