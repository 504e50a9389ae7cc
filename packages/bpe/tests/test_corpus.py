"""From text files to token files: all kinds of input, and which files are left after an error."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from bpe import TextFileError, TokenFileError, Tokenizer, encode_file, encode_stream, read_token_file_info
from bpe.token_files import TokenFileWriter, read_token_ids

from .conftest import END, SCRIPTS

TEXT = f"{SCRIPTS}{END}the quick brown fox " * 2000


@pytest.fixture(params=["reference", "compiled"])
def engine(request, kernels):
    if request.param == "compiled":
        pytest.importorskip("numba", reason="needs numba")
    return request.param


@pytest.fixture
def encoder(trained, engine):
    return Tokenizer(*trained, [END], engine=engine)


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text"
    path.write_text(TEXT, newline="")
    return path


def listing(folder):
    return sorted(os.listdir(folder))


@pytest.mark.parametrize("num_threads", [None, 1, 3])
def test_the_ids_of_the_text(encoder, tokenizer, text, tmp_path, num_threads):
    info = encode_file(encoder, text, tmp_path / "ids", num_threads=num_threads)
    ids = [token_id for chunk in read_token_ids(tmp_path / "ids") for token_id in chunk]
    assert ids == tokenizer.encode(TEXT)
    assert info == read_token_file_info(tmp_path / "ids")
    assert (info.count, info.dtype, info.tokenizer_sha256) == (len(ids), "uint16", tokenizer.fingerprint)
    assert info.text_bytes == len(TEXT.encode())
    assert listing(tmp_path) == ["ids", "ids.json", "text"]


@pytest.mark.parametrize("text_path", ["a text\nwith lines", b"text.txt", None, "", "a" * 300])
def test_what_is_not_a_path(encoder, tmp_path, text_path):
    with pytest.raises(ValueError, match=r"text_path is .*: .*to encode a text, call tokenizer.encode\(text\)"):
        encode_file(encoder, text_path, tmp_path / "ids")
    with pytest.raises(ValueError, match="token_path is"):
        encode_file(encoder, __file__, text_path)
    assert listing(tmp_path) == []


def test_what_is_not_a_tokenizer(text, tmp_path):
    with pytest.raises(ValueError, match=r"tokenizer is of type str: give a Tokenizer, as from Tokenizer\.load"):
        encode_file("tokenizer.json", text, tmp_path / "ids")


def test_a_missing_file(encoder, tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        encode_file(encoder, tmp_path / "none", tmp_path / "ids")
    assert caught.value.filename == str(tmp_path / "none")


def test_a_folder(encoder, tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        encode_file(encoder, tmp_path / "folder", tmp_path / "ids")
    assert listing(tmp_path) == ["folder"]


def test_an_empty_file(encoder, tmp_path):
    (tmp_path / "empty").touch()
    with pytest.raises(TextFileError, match="empty is empty"):
        encode_file(encoder, tmp_path / "empty", tmp_path / "ids")
    assert listing(tmp_path) == ["empty"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes on this system")
def test_a_pipe(encoder, tokenizer, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_text(TEXT, newline=""))
    writer.start()
    info = encode_file(encoder, tmp_path / "pipe", tmp_path / "ids")
    writer.join()
    assert (info.count, info.text_bytes) == (len(tokenizer.encode(TEXT)), len(TEXT.encode()))


@pytest.mark.parametrize("output", ["none/ids", "folder"])
def test_output_that_cannot_be_written(encoder, text, tmp_path, output):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError):
        encode_file(encoder, text, tmp_path / output)
    assert listing(tmp_path) == ["folder", "text"]


def test_a_file_that_is_not_utf8_leaves_no_files(encoder, text, tmp_path):
    with open(text, "ab") as file:
        file.write(b"\xff")
    with pytest.raises(TextFileError, match=f"0xff at offset {len(TEXT.encode())} "):
        encode_file(encoder, text, tmp_path / "ids", num_threads=2)
    assert listing(tmp_path) == ["text"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, OSError(28, "No space left on device")])
def test_interrupted_work_leaves_the_old_files(encoder, text, tmp_path, monkeypatch, error):
    encode_file(encoder, text, tmp_path / "ids")
    before = (tmp_path / "ids").read_bytes()

    def fails(self, ids):
        raise error

    monkeypatch.setattr(TokenFileWriter, "write", fails)
    monkeypatch.setattr(TokenFileWriter, "write_array", fails)
    threads = threading.active_count()
    with pytest.raises(OSError if isinstance(error, OSError) else error) as caught:
        encode_file(encoder, text, tmp_path / "ids", num_threads=2)
    if isinstance(error, OSError):
        assert caught.value.filename == str(tmp_path / "ids")
        assert "free some space" in str(caught.value)
    assert threading.active_count() == threads
    assert listing(tmp_path) == ["ids", "ids.json", "text"]
    assert (tmp_path / "ids").read_bytes() == before
    assert read_token_file_info(tmp_path / "ids").count == len(before) // 2


def test_a_disk_that_is_full_at_the_end_leaves_the_old_files(encoder, text, tmp_path, monkeypatch):
    info = encode_file(encoder, text, tmp_path / "ids")

    def fails(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="free some space"):
        encode_file(encoder, text, tmp_path / "ids")
    assert listing(tmp_path) == ["ids", "ids.json", "text"]
    assert read_token_file_info(tmp_path / "ids") == info


def test_a_file_that_becomes_shorter_while_it_is_read(trained, tmp_path, monkeypatch, kernels):
    pytest.importorskip("numba", reason="needs numba")
    path = tmp_path / "text"
    path.write_text(TEXT * 4, newline="")
    real = TokenFileWriter.write_array

    def shrinks(self, ids):
        os.truncate(path, 1000)
        real(self, ids)

    monkeypatch.setattr(TokenFileWriter, "write_array", shrinks)
    compiled = Tokenizer(*trained, [END], engine="compiled")
    for num_threads in (1, 2):
        path.write_text(TEXT * 40, newline="")
        with pytest.raises(TextFileError, match=r"text ends at offset \d+, although it was longer when reading began"):
            encode_file(compiled, path, tmp_path / "ids", num_threads=num_threads)
        assert listing(tmp_path) == ["text"]


KILLED = """
import os, signal, sys
from bpe import Tokenizer, encode_file
from bpe.token_files import TokenFileWriter
def kill(self, ids):
    self._file.write(b"half")
    self._file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
TokenFileWriter.write = TokenFileWriter.write_array = kill
encode_file(Tokenizer.load(sys.argv[1]), sys.argv[2], sys.argv[3])
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no such signal on this system")
def test_a_killed_process_leaves_no_file_under_the_name(encoder, text, tmp_path):
    encoder.save(tmp_path / "tokenizer.json")
    command = [sys.executable, "-c", KILLED, str(tmp_path / "tokenizer.json"), str(text), str(tmp_path / "ids")]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert not (tmp_path / "ids").exists()
    (left,) = tmp_path.glob(".ids.*")
    os.utime(left, (0, 0))
    encode_file(encoder, text, tmp_path / "ids")
    assert listing(tmp_path) == ["ids", "ids.json", "text", "tokenizer.json"]
    with pytest.raises(TokenFileError):
        read_token_file_info(tmp_path / "text")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read and write everything")
def test_files_without_permission(encoder, text, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(PermissionError):
        encode_file(encoder, text, tmp_path / "locked" / "ids")
    text.chmod(0)
    with pytest.raises(PermissionError):
        encode_file(encoder, text, tmp_path / "ids")


def cut_anywhere(text, size):
    return [text[start : start + size] for start in range(0, len(text), size)]


@pytest.mark.parametrize(("size", "num_threads"), [(7, 1), (1000, 3), (10**9, None)])
def test_a_stream_gives_the_token_file_of_the_joined_text(encoder, text, tmp_path, size, num_threads):
    expected = encode_file(encoder, text, tmp_path / "ids")
    info = encode_stream(encoder, iter(cut_anywhere(TEXT, size)), tmp_path / "stream", num_threads=num_threads)
    assert info == expected
    assert (tmp_path / "stream").read_bytes() == (tmp_path / "ids").read_bytes()


def test_a_stream_and_a_custom_pattern(trained, engine, tmp_path):
    encoder = Tokenizer(*trained, [END], engine=engine, pattern=r"\b\w+|\W")
    encode_stream(encoder, cut_anywhere(TEXT, 50), tmp_path / "ids")
    ids = [token_id for chunk in read_token_ids(tmp_path / "ids") for token_id in chunk]
    assert ids == encoder.encode(TEXT)


def test_a_long_stream_is_read_as_it_is_encoded(encoder, tmp_path, monkeypatch):
    """Of a stream longer than what is read first, no more is requested than the threads need."""
    monkeypatch.setattr("bpe.corpus.FROM_SOURCE", 1)
    requested = 0

    def chunks():
        nonlocal requested
        while requested < 200:
            requested += 1
            yield TEXT
        raise RuntimeError("the end")

    class Stopped(Exception):
        pass

    def stops(self, ids):
        raise Stopped

    monkeypatch.setattr(TokenFileWriter, "write", stops)
    monkeypatch.setattr(TokenFileWriter, "write_array", stops)
    with pytest.raises(Stopped):
        encode_stream(encoder, chunks(), tmp_path / "ids", num_threads=2)
    assert requested < 200
    assert listing(tmp_path) == []


def test_mistakes_in_a_stream(encoder, tmp_path):
    mistakes = {
        "character 11": ["to be or ", "no\ud800t"],
        "of type bytes": [b"to be"],
        "chunks is of type str": "to be",
        "num_threads is 0": ["to be"],
    }
    for message, chunks in mistakes.items():
        with pytest.raises(ValueError, match=message):
            encode_stream(encoder, chunks, tmp_path / "ids", num_threads=0 if "threads" in message else None)
        assert listing(tmp_path) == []
    with pytest.raises(ValueError, match="give a Tokenizer"):
        encode_stream("tokenizer.json", ["to be"], tmp_path / "ids")


def test_an_empty_stream_gives_an_empty_token_file(encoder, tmp_path):
    info = encode_stream(encoder, iter([]), tmp_path / "ids")
    assert (info.count, info.text_bytes) == (0, 0)
