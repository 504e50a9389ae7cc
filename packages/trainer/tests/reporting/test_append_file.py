import errno
import os
import resource
from contextlib import contextmanager
from pathlib import Path

import pytest

from trainer.reporting.append_file import AppendFile


@contextmanager
def files_of_at_most(size):
    """The kernel limits files to `size` bytes: it writes the part that fits, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_piece_is_appended_at_once(tmp_path):
    path = tmp_path / "file"
    path.write_text("old\n")
    file = AppendFile(path)
    file.append("é\n")
    assert path.read_text("utf-8") == "old\né\n"
    file.sync()
    file.close()


def test_a_piece_that_does_not_fit_is_removed(tmp_path):
    path = tmp_path / "file"
    file = AppendFile(path)
    file.append("0123456789\n")
    with (
        files_of_at_most(15),
        pytest.raises(OSError, match="so the run stops: free some space") as caught,
    ):
        file.append("abcdefghij\n")
    assert caught.value.errno == errno.EFBIG
    assert caught.value.filename == str(path)
    assert path.read_text() == "0123456789\n"
    file.append("again\n")  # now there is space
    assert path.read_text() == "0123456789\nagain\n"
    file.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
def test_a_full_disk_is_named():
    file = AppendFile(Path("/dev/full"))
    with pytest.raises(OSError, match="No space left on device, so the run stops") as caught:
        file.append("x")
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == "/dev/full"
    file.close()


def test_an_error_of_sync_names_the_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    file = AppendFile(path)

    def fails(_):
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="so the run stops") as caught:
        file.sync()
    assert caught.value.filename == str(path)
    file.close()
