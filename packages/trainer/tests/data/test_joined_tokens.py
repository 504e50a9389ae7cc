"""Ids in several files are read like one array, wherever they are cut."""

import os

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from trainer.data.joined_tokens import JoinedTokens, JoinedWindows

IDS = np.arange(60_000, 60_060, dtype=np.uint16)


def joined(folder, cuts, ids=IDS):
    """Write ids into files, cut at these places, and join them."""
    folder.mkdir(exist_ok=True)
    parts = np.split(ids, sorted(cuts))
    paths = [folder / f"{k}.bin" for k in range(len(parts))]
    for path, part in zip(paths, parts, strict=True):
        part.tofile(path)
    return JoinedTokens(paths, [len(part) for part in parts], ids.dtype)


@settings(max_examples=25)  # each writes files
@given(data=st.data(), cuts=st.lists(st.integers(0, 60), max_size=12), length=st.integers(1, 60))
def test_windows_are_those_of_the_joined_ids(tmp_path_factory, data, cuts, length):
    tokens = joined(tmp_path_factory.mktemp("ids"), cuts)
    starts = np.array(data.draw(st.lists(st.integers(0, 60 - length), max_size=8)), np.int64)
    windows = tokens.windows(starts, length)
    assert windows.dtype == np.uint16
    assert windows.shape == (len(starts), length)
    assert windows.tolist() == [IDS[start : start + length].tolist() for start in starts]
    assert len(tokens) == 60
    assert len(JoinedWindows(tokens, length)) == 60 - length + 1
    assert len(JoinedWindows(tokens, 99)) == 0


def test_few_files_are_mapped_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr("trainer.data.joined_tokens._MAPPED_AT_ONCE", 3)
    tokens = joined(tmp_path / "ids", range(2, 60, 2))
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None
    for start in [0, 20, 40, 1, 21, 41]:
        assert tokens.windows(np.array([start]), 11)[0].tolist() == IDS[start : start + 11].tolist()
    if before is not None:
        assert len(os.listdir("/proc/self/fd")) <= before + 3


def test_a_file_that_has_become_shorter(tmp_path):
    tokens = joined(tmp_path / "ids", [30])
    (tmp_path / "ids" / "1.bin").write_bytes(b"12")
    assert tokens.windows(np.array([0]), 30)[0].tolist() == IDS[:30].tolist()
    with pytest.raises(ValueError, match="mmap length is greater than file size"):
        tokens.windows(np.array([25]), 10)
