import hashlib
import json

import pytest
import torch
from hypothesis import given, strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from trainer import CheckpointError
from trainer.checkpoints import StateError
from trainer.checkpoints.safetensors_file import _DTYPES, file_size, read_tensors, stored_names, write_tensors

SHAPES = st.lists(st.integers(0, 3), max_size=3)


def bits(tensor):
    return tensor.contiguous().reshape(-1).view(torch.uint8).tolist()


@given(data=st.data())
def test_every_bit_is_preserved(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("files") / "x.safetensors"
    tensors = {}
    for name in data.draw(st.lists(st.text(max_size=4), unique=True, max_size=4)):
        dtype, shape = data.draw(st.sampled_from(sorted(_DTYPES, key=str))), data.draw(SHAPES)
        width = torch.empty((), dtype=dtype).element_size()
        count = torch.Size(shape).numel() * width
        raw = data.draw(st.binary(min_size=count, max_size=count))  # including all NaNs
        if dtype is torch.bool:
            raw = bytes(byte & 1 for byte in raw)
        dense = torch.tensor(list(raw), dtype=torch.uint8).view(dtype).reshape(shape)
        tensors[name] = dense.transpose(0, 1).contiguous().transpose(0, 1) if dense.ndim > 1 else dense
    record = write_tensors(path, tensors)
    content = path.read_bytes()
    assert record.size == len(content) == file_size(tensors)
    assert record.sha256 == hashlib.sha256(content).hexdigest()
    assert stored_names(path) == tensors.keys()
    for read in (read_tensors(path), load_file(path)):  # the second by the library
        assert read.keys() == tensors.keys()
        for name, tensor in tensors.items():
            assert read[name].shape == tensor.shape
            assert read[name].dtype == tensor.dtype
            assert bits(read[name]) == bits(tensor)


def test_tensors_are_aligned(tmp_path):
    """In the file to their own width, in memory like any other tensor."""
    tensors = {"a": torch.ones(3, dtype=torch.uint8), "b": torch.ones(3, dtype=torch.float64), "c": torch.ones(())}
    write_tensors(tmp_path / "x", tensors)
    with safe_open(tmp_path / "x", "pt") as file:
        assert file.metadata() == {"format": "pt"}  # which other libraries require
    content = (tmp_path / "x").read_bytes()
    length = int.from_bytes(content[:8], "little")
    assert length % 8 == 0
    header = json.loads(content[8 : 8 + length])
    assert [header[name]["data_offsets"] for name in "bca"] == [[0, 24], [24, 28], [28, 31]]
    for tensor in read_tensors(tmp_path / "x").values():
        assert tensor.data_ptr() % 64 == 0
        assert tensor.untyped_storage().nbytes() == tensor.nbytes


def test_large_tensors_are_written_in_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr("trainer.checkpoints.safetensors_file._CHUNK_BYTES", 7)
    tensor = torch.randn(33)
    record = write_tensors(tmp_path / "x", {"x": tensor, "conjugate": torch.tensor([1 + 2j]).conj()})
    read = read_tensors(tmp_path / "x")
    assert torch.equal(read["x"], tensor)
    assert read["conjugate"].tolist() == [1 - 2j]
    assert record.sha256 == hashlib.sha256((tmp_path / "x").read_bytes()).hexdigest()


def test_short_writes(tmp_path, monkeypatch):
    import os

    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:5]))
    write_tensors(tmp_path / "x", {"x": torch.arange(9)})
    assert read_tensors(tmp_path / "x")["x"].tolist() == list(range(9))


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"x": torch.ones(1, dtype=torch.complex128)}, "x has dtype torch.complex128"),
        ({"__metadata__": torch.ones(1)}, "a tensor has the name __metadata__"),
    ],
)
def test_tensors_that_the_format_does_not_support_are_refused(tmp_path, tensors, message):
    with pytest.raises(StateError, match=message):
        write_tensors(tmp_path / "x", tensors)
    assert not (tmp_path / "x").exists()


def test_a_header_longer_than_the_file_is_refused(tmp_path):
    save_file({"x": torch.ones(3)}, tmp_path / "x")
    content = (tmp_path / "x").read_bytes()
    for length in (2**63, 99_999_999, len(content) - 7):
        (tmp_path / "x").write_bytes(length.to_bytes(8, "little") + content[8:])
        with pytest.raises(CheckpointError, match="x is truncated or damaged"):
            read_tensors(tmp_path / "x")
