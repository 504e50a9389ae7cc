import errno
import io
import os
import stat
import subprocess
import sys
import time

import pytest

from bpe.text_files import TextFileError, read_text, read_text_stream, whole_file

CHUNK = 1 << 20


def test_text_is_read_unchanged(tmp_path):
    text = "zażółć\r\n" * 200_000  # some characters are split between two reads
    path = tmp_path / "text.txt"
    path.write_bytes(text.encode())
    chunks = list(read_text(path))
    assert len(chunks) > 1
    assert "".join(chunks) == text


@pytest.mark.parametrize("chunk_bytes", [1, 2, 5, 100])
def test_an_open_file_is_read_in_chunks_of_any_size(chunk_bytes):
    text = "za狐👍\r\n" * 5
    data = text.encode()
    chunks = list(read_text_stream(io.BytesIO(data), "a file", chunk_bytes=chunk_bytes))
    assert "".join(chunks) == text
    assert all(len(chunk.encode()) < chunk_bytes + 4 for chunk in chunks)
    with pytest.raises(TextFileError, match=f"a file is not UTF-8: byte 0xff at offset {len(data)} "):
        list(read_text_stream(io.BytesIO(data + b"\xff"), "a file", chunk_bytes=chunk_bytes))


@pytest.mark.parametrize("offset", [0, 5, CHUNK - 1, CHUNK, CHUNK + 3])
@pytest.mark.parametrize("wrong", [b"\xff", b"\xe2\x28\xa1", b"\xed\xa0\x80"])
def test_the_offset_of_a_wrong_byte_is_named(tmp_path, offset, wrong):
    path = tmp_path / "latin.txt"
    path.write_bytes(b"a" * offset + wrong + b"a" * 10)
    with pytest.raises(TextFileError, match=f"byte 0x{wrong[0]:02x} at offset {offset} .*convert the file to UTF-8"):
        list(read_text(path))


@pytest.mark.parametrize("length", [3, CHUNK + 1])
def test_a_character_cut_short_at_the_end_is_named(tmp_path, length):
    path = tmp_path / "cut.txt"
    path.write_bytes(b"a" * length + "é".encode()[:1])
    with pytest.raises(TextFileError, match=f"at offset {length} "):
        list(read_text(path))


def test_an_empty_file_is_an_error(tmp_path):
    path = tmp_path / "empty.txt"
    path.touch()
    with pytest.raises(TextFileError, match=r"empty\.txt is empty"):
        list(read_text(path))


def test_a_file_appears_complete_or_not_at_all(tmp_path):
    path = tmp_path / "out"
    with pytest.raises(RuntimeError), whole_file(path) as file:
        file.write(b"half")
        assert not path.exists()
        raise RuntimeError
    assert os.listdir(tmp_path) == []
    with whole_file(path) as file:
        file.write(b"whole")
    assert os.listdir(tmp_path) == ["out"]
    assert path.read_bytes() == b"whole"


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError) as caught, whole_file(tmp_path / "no" / "out"):
        pass
    assert caught.value.filename == str(tmp_path / "no")


def test_an_older_file_survives_a_failure(tmp_path):
    path = tmp_path / "out"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError), whole_file(path) as file:
        file.write(b"new")
        raise RuntimeError
    assert path.read_bytes() == b"old"


def test_files_have_the_usual_permissions(tmp_path):
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    with whole_file(tmp_path / "ours"):
        pass
    assert stat.S_IMODE((tmp_path / "ours").stat().st_mode) == stat.S_IMODE(ordinary.stat().st_mode)


def test_a_folder_in_place_of_the_file_is_an_error_before_the_work(tmp_path):
    with pytest.raises(IsADirectoryError, match="give the name of a file"), whole_file(tmp_path):
        raise AssertionError("not reached")


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_no_file_is_left_after_an_interrupt(tmp_path, error):
    with pytest.raises(error), whole_file(tmp_path / "out") as file:
        file.write(b"x" * 100_000)
        raise error
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_the_error_for_a_full_disk_names_the_file_and_what_to_do(tmp_path, monkeypatch, code):
    def fails(descriptor):
        raise OSError(code, os.strerror(code))

    path = tmp_path / "out"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="free some space, or write to another disk") as caught, whole_file(path) as file:
        file.write(b"new")
    assert (caught.value.errno, caught.value.filename) == (code, str(path))
    assert os.listdir(tmp_path) == ["out"]
    assert path.read_bytes() == b"old"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has this device")
def test_a_disk_that_is_full_while_bytes_are_written(tmp_path, monkeypatch):
    monkeypatch.setattr(type(tmp_path), "open", lambda self, mode: open("/dev/full", "wb"))  # noqa: SIM115
    with pytest.raises(OSError, match="free some space") as caught, whole_file(tmp_path / "out") as file:
        file.write(b"x" * 100_000)
    assert caught.value.filename == str(tmp_path / "out")


def test_other_errors_are_not_changed(tmp_path):
    with pytest.raises(OSError, match="is gone") as caught, whole_file(tmp_path / "out"):
        raise OSError(errno.EIO, "is gone")
    assert caught.value.filename is None


WRITES_AND_WAITS = """
import sys
from bpe.text_files import whole_file
with whole_file(sys.argv[1]) as file:
    file.write(b"half")
    file.flush()
    print("written", flush=True)
    sys.stdin.read()
"""


def make_old(folder):
    """Set the time of all files to two minutes ago."""
    for name in os.listdir(folder):
        then = time.time() - 120
        os.utime(folder / name, (then, then))


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such locks")
def test_the_files_of_a_killed_process_are_removed_by_the_next(tmp_path):
    path = tmp_path / "out[1]"  # not a pattern for file names
    command = [sys.executable, "-c", WRITES_AND_WAITS, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"written\n"
        make_old(tmp_path)
        (half,) = os.listdir(tmp_path)
        with whole_file(path) as file:
            file.write(b"whole")
        assert sorted(os.listdir(tmp_path)) == [half, "out[1]"]  # its process is running
        process.kill()
    others = [f".out[1].{'0' * 7}", ".out[1].notes", ".out1.00000000", ".out[1].0000000g"]
    for name in others:
        (tmp_path / name).write_bytes(b"someone else's")
    os.utime(tmp_path / half)
    with whole_file(path):
        pass
    assert half in os.listdir(tmp_path)  # too recent
    make_old(tmp_path)
    with whole_file(path) as file:
        file.write(b"whole again")
    assert sorted(os.listdir(tmp_path)) == sorted([*others, "out[1]"])
    assert path.read_bytes() == b"whole again"


def test_two_writers_do_not_disturb_each_other(tmp_path):
    path = tmp_path / "out"
    with whole_file(path) as first:
        first.write(b"first")
        first.flush()
        make_old(tmp_path)
        with whole_file(path) as second:
            second.write(b"second")
        assert path.read_bytes() == b"second"
    assert path.read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["out"]
