import os

import pytest

from bpe import read_files
from bpe.formats.reading import read_bytes
from bpe.read_files import ReadFile, read_regular_file


def test_what_was_read_is_not_read_again(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"content")
    file = read_regular_file(path)
    path.unlink()
    assert read_bytes(file) == b"content"
    assert (str(file), os.fspath(file)) == (str(path), str(path))


@pytest.mark.parametrize("path", [None, 3.5, b"\xff", "a\0b", "missing/file", ".", "/dev/null"])
def test_what_is_no_regular_file_is_left_to_others(path):
    assert read_regular_file(path) is None


def test_a_large_file_is_left_to_others(tmp_path, monkeypatch):
    monkeypatch.setattr(read_files, "MAX_FILE_BYTES", 3)
    (tmp_path / "file").write_bytes(b"abc")
    assert isinstance(read_regular_file(tmp_path / "file"), ReadFile)
    (tmp_path / "file").write_bytes(b"abcd")
    assert read_regular_file(tmp_path / "file") is None
