"""`bpe encode`."""

import signal
import subprocess
import time

import pytest

from bpe import Tokenizer, open_token_file, read_token_file_info
from bpe.commands import encode

from ..conftest import END
from .conftest import COMMAND, TEXT, lines, piped


def test_encode_writes_one_id_a_line(run, tokenizer):
    assert run("encode", "tokenizer.json", "text.txt") == (0, lines(tokenizer.encode(TEXT)), "")


def test_encode_and_decode_are_filters(folder, tokenizer):
    ids = lines(tokenizer.encode(TEXT)).encode()
    assert piped("encode", "tokenizer.json", stdin=TEXT.encode()) == (0, ids, "")
    assert piped("encode", "tokenizer.json", "-", stdin=TEXT.encode()) == (0, ids, "")
    # In a locale without UTF-8 as well: bytes are bytes.
    assert piped("decode", "tokenizer.json", stdin=ids, PYTHONIOENCODING="ascii") == (0, TEXT.encode(), "")


def test_several_texts_are_encoded_one_by_one(run, tokenizer):
    ids = tokenizer.encode(TEXT) + tokenizer.encode("once upon a time")
    assert run("encode", "tokenizer.json", "text.txt", "other.txt") == (0, lines(ids), "")
    code, output, errors = run("encode", "tokenizer.json", "text.txt", "other.txt", "--out", "both.bin")
    assert (code, output, errors) == (0, f"both.bin: {len(ids):,} ids of uint16\n", "")
    assert open_token_file("both.bin").tolist() == ids
    assert read_token_file_info("both.bin").text_bytes == len(TEXT.encode()) + len("once upon a time")


@pytest.mark.parametrize(
    "arguments",
    [
        "encode pair --pattern gpt2 text.txt --special-token <|endoftext|> other.txt",
        "encode --pattern gpt2 pair text.txt other.txt",
        "encode pair text.txt other.txt --pattern gpt2",
        "encode --pattern=gpt2 -- pair text.txt other.txt",
    ],
)
def test_options_may_stand_anywhere(run, tokenizer, arguments):
    ids = tokenizer.encode(TEXT) + tokenizer.encode("once upon a time")
    assert run(*arguments.split()) == (0, lines(ids), "")


@pytest.mark.parametrize("threads", [[], ["--threads", "2"]])
def test_token_files(run, tokenizer, threads):
    ids = tokenizer.encode(TEXT)
    code, output, errors = run("encode", "tokenizer.json", "text.txt", "--out", "text.bin", *threads)
    assert (code, output, errors) == (0, f"text.bin: {len(ids):,} ids of uint16\n", "")
    assert open_token_file("text.bin").tolist() == ids
    assert run("decode", "tokenizer.json", "text.bin") == (0, TEXT, "")


@pytest.mark.parametrize(("engine", "num_chunks"), [("reference", 20), ("compiled", 100)])
def test_ids_are_written_while_the_text_is_read(trained, monkeypatch, capfd, engine, num_chunks):
    """Constant memory: reading chunks of the text and writing lines of ids alternate."""
    if engine == "compiled":
        pytest.importorskip("numba", reason="needs numba")
    tokenizer = Tokenizer(*trained, [END], engine=engine)  # the shared one reads larger chunks once it has kernels
    tokenizer.load_kernels(1)
    events = []

    def chunks():
        for _ in range(num_chunks):
            events.append("read")
            yield "to be or not to be\n" * 500

    monkeypatch.setattr(encode, "_LINES_AT_ONCE", 1000)
    original = encode.islice

    def counting(ids, size):
        events.append("write")
        return original(ids, size)

    monkeypatch.setattr(encode, "islice", counting)
    encode._write_lines(tokenizer.encode_iterable(chunks()))
    assert events.count("read") == num_chunks
    assert "write" in events[events.index("read") : len(events) - events[::-1].index("read")]
    num_ids = len(tokenizer.encode("to be or not to be\n" * (500 * num_chunks)))
    assert len(capfd.readouterr().out.splitlines()) == num_ids


def test_an_interrupt_leaves_no_incomplete_file(folder):
    before = sorted(folder.iterdir())
    process = subprocess.Popen(
        [*COMMAND, "encode", "tokenizer.json", "-", "--out", "t.bin"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell ignores it in background jobs
    )
    with process:
        process.stdin.write(b"to be or not to be\n" * 1000)
        process.stdin.flush()
        while sorted(folder.iterdir()) == before:  # until the half-written file is there
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate()
    assert (process.returncode, output, errors) == (130, b"", b"\ninterrupted\n")
    assert sorted(folder.iterdir()) == before
