"""The command on files: results, what is done again and what is not, and being killed at any moment."""

import errno
import gzip
import json
import os
import shutil
import signal
import subprocess
import sys

import pyarrow
import pyarrow.parquet
import pytest

import prepare_data
from bpe import Tokenizer, open_token_file
from preparation import find_prepared
from preparation.checksums import fingerprint
from preparation.prepared import is_complete
from preparation.state import State

from .conftest import APPS
from .test_prepare_data_hub import END, FILES, stories, visible

TRAIN, VALID = stories(600, "cat"), stories(60, "dog")
RESULTS = ["tokenizer.json", "train.bin", "train.bin.json", "valid.bin", "valid.bin.json"]


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "train.txt").write_text(TRAIN)
    (folder / "valid.txt").write_text(VALID)
    return folder


@pytest.fixture
def run(call, files, tmp_path):
    """Run the command on the files of the fixture, or others."""

    def prepare(*arguments):
        arguments = arguments or (files / "train.txt", "--valid", files / "valid.txt")
        return call(prepare_data.main, *arguments, f"--out={tmp_path / 'data' / 'cats'}", "--vocab-size=300")

    return prepare


@pytest.fixture
def results(tmp_path):
    return tmp_path / "data" / "cats" / "vocab_300"


def contents(folder):
    return {name: (folder / name).read_bytes() for name in RESULTS}


def decoded(folder, name):
    tokenizer = Tokenizer.load(folder / "tokenizer.json")
    return tokenizer.decode(open_token_file(folder / f"{name}.bin").tolist())


def done_again(outcome):
    return [line.split(":")[0] for line in outcome.output.splitlines() if " in " in line]


def test_a_text(run, results):
    outcome = run()
    assert (outcome.code, outcome.errors) == (0, "")
    assert done_again(outcome) == ["tokenizer", "train", "valid"]
    assert "--data.train_tokens" in outcome.output
    assert visible(results) == FILES
    assert decoded(results, "train") == TRAIN
    assert decoded(results, "valid") == VALID
    report = json.loads((results / "report.json").read_text())
    assert report["texts"]["train"]["documents"] == 600
    assert report["texts"]["train"]["bytes_per_token"] == pytest.approx(
        len(TRAIN) / report["texts"]["train"]["tokens"], abs=1e-4
    )
    assert report["encoding"]["hours_for_825_gb"] > 0
    page = (results / "report.md").read_text()
    for part in ("## Compression", "longest token", "825 GB", "| train | "):
        assert part in page


@pytest.mark.parametrize("ending", ["txt.gz", "jsonl", "parquet"])
def test_other_formats_give_the_same_documents(run, results, files, ending):
    documents = TRAIN.split(END)[:-1]
    path = files / f"other.{ending}"
    if ending == "parquet":
        pyarrow.parquet.write_table(pyarrow.table({"body": documents}), path)
    elif ending == "jsonl":
        path.write_text("".join(json.dumps({"body": document}) + "\n" for document in documents))
    else:
        path.write_bytes(gzip.compress(TRAIN.encode()))
    assert run(path, "--valid=0.1", "--column=body").code == 0
    train, valid = (decoded(results, name).split(END)[:-1] for name in ("train", "valid"))
    assert sorted(train + valid) == sorted(documents)
    assert 0.05 < len(valid) / len(documents) < 0.15
    report = json.loads((results / "report.json").read_text())
    assert (report["settings"]["column"], report["settings"]["separator"]) == ("body", END)


def test_what_is_done_is_skipped(run, results, files):
    run()
    before = contents(results)
    outcome = run()
    assert done_again(outcome) == []
    assert outcome.output.count("done before, skipped") == 3
    # Another validation text leaves the rest as it is.
    (files / "valid.txt").write_text(VALID + VALID)
    assert done_again(run()) == ["valid"]
    assert contents(results)["train.bin"] == before["train.bin"]
    # A truncated result, of the right size or not, is made again.
    (results / "train.bin").write_bytes(before["train.bin"][:-2])
    assert done_again(run()) == ["train"]
    (results / "train.bin").write_bytes(before["train.bin"][:-2] + b"\1\0")
    assert done_again(run()) == ["train"]
    (results / "tokenizer.json").unlink()
    assert done_again(run()) == ["tokenizer"]  # the same as before, and so is what depends on it
    assert contents(results)["train.bin"] == before["train.bin"]
    (files / "train.txt").write_text(TRAIN.replace("cat", "cow"))
    assert done_again(run()) == ["tokenizer", "train", "valid"]
    (results / "state.json").write_text("{")
    assert done_again(run()) == ["tokenizer", "train", "valid"]


def test_other_settings_make_it_again(run, results, files):
    given = (files / "train.txt", "--valid", files / "valid.txt")
    run()
    assert done_again(run(*given, "--max-bytes=20000")) == ["tokenizer", "train", "valid"]
    assert json.loads((results / "report.json").read_text())["texts"]["train"]["bytes"] <= 20_000


def test_a_folder_of_another_text_is_not_overwritten(run, files, results):
    run()
    before = contents(results)
    (files / "other.txt").write_text(TRAIN)
    message = run(files / "other.txt", "--valid", files / "valid.txt").one_line_error()
    assert f"was prepared from {files / 'train.txt'}, {files / 'valid.txt'}: give another folder with --out" in message
    assert contents(results) == before


def test_prepared_data_is_found(run, results, tmp_path):
    assert find_prepared("cats", 300, tmp_path / "data") is None
    run()
    found = find_prepared("cats", 300, tmp_path / "data")
    assert found.train_tokens == results / "train.bin"
    shutil.copytree(tmp_path / "data", tmp_path / "moved")
    assert find_prepared("cats", 300, tmp_path / "moved") is not None
    shutil.move(tmp_path / "moved" / "cats", tmp_path / "moved" / "owt")
    assert find_prepared("owt", 300, tmp_path / "moved") is None  # it is in the place of a corpus, but is not it
    # A tokenizer of another text with token files of this one
    state = State(results)
    assert is_complete(state)
    shutil.copyfile(results / "train.bin.json", results / "tokenizer.json")
    state.phases["tokenizer"].outputs["tokenizer.json"] = fingerprint(results / "tokenizer.json")
    assert not is_complete(state)


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv.pop(1))
moment, count = sys.argv.pop(1), int(sys.argv.pop(1))
import bpe.token_files, preparation.phases, preparation.state, prepare_data
owner, name = {
    "tokenizer": (bpe.Tokenizer, "save"),
    "ids": (bpe.token_files.TokenFileWriter, "write"),
    "state": (preparation.state.State, "save"),
    "fingerprint": (preparation.state, "fingerprint"),
    "text": (preparation.state, "write_text"),
}[moment]
real = getattr(owner, name)
def kill(*arguments):
    global count
    count -= 1
    if count == 0:
        if moment == "ids":
            arguments[0]._file.write(b"half")
            arguments[0]._file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments)
setattr(owner, name, kill)
prepare_data.main(sys.argv[1:])
"""


MOMENTS = [("tokenizer", 1), ("ids", 1), ("state", 2), ("state", 4), ("state", 6), ("fingerprint", 5), ("text", 8)]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no such signal on this system")
def test_killed_at_any_moment_and_run_again(run, results, files, tmp_path):
    run()
    expected = contents(results)
    shutil.rmtree(results)
    for moment, count in MOMENTS:
        arguments = [files / "train.txt", "--valid", files / "valid.txt", "--vocab-size=300", f"--out={results.parent}"]
        command = [sys.executable, "-c", KILLED, str(APPS), moment, str(count), *map(str, arguments)]
        assert subprocess.run(command, capture_output=True, check=False).returncode == -signal.SIGKILL, (moment, count)
        assert find_prepared("cats", 300, tmp_path / "data") is None or moment == "text"
        outcome = run()
        assert (outcome.code, outcome.errors) == (0, "")
        assert contents(results) == expected
        assert visible(results) == FILES
        shutil.rmtree(results)


def test_a_full_disk(run, results, monkeypatch):
    with monkeypatch.context() as patch:
        real = os.fsync

        def full(descriptor):
            if "train.bin" in os.readlink(f"/proc/self/fd/{descriptor}"):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            real(descriptor)

        patch.setattr(os, "fsync", full)
        message = run().one_line_error()
    assert message.startswith(f"{results / 'train.bin'}: No space left on device: free some space")
    assert visible(results) == ["state.json", "tokenizer.json"]
    assert done_again(run()) == ["train", "valid"]


def test_interrupted_by_the_user(run, results, monkeypatch):
    def interrupts(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("preparation.phases.encode_stream", interrupts)
        outcome = run()
    assert outcome.code == 130
    assert outcome.errors == "\ninterrupted: run the same command again, it continues where it stopped\n"
    assert done_again(run()) == ["train", "valid"]


def test_another_process_prepares_the_same(run, results):
    import fcntl

    results.mkdir(parents=True)
    with (results / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert "another process is preparing data in" in run().one_line_error()


def test_mistakes(call, run, files):
    text = files / "train.txt"
    (files / "empty.txt").touch()
    (files / "empty.jsonl").write_text('{"text": ""}\n')
    (files / "owt.txt").write_text(TRAIN)
    (files / "one.txt").write_text("One document only.")
    mistakes = {
        (files / "none.txt",): "none.txt is neither a file nor one of the corpora tinystories, owt, fineweb",
        (files,): "is a folder: give its files, such as",
        ("owt", text): "owt is a corpus, so",
        ("owt", "--valid=0.1"): "--valid is for files",
        ("owt", "--column=body"): "--column is for files",
        (text, "--valid", files / "none.txt"): "none.txt is neither a file",
        (text, "--valid=1.5"): "--valid is 1.5: give a share between 0 and 1, or files",
        (text, "--max-bytes=0"): "--max-bytes is 0: give a positive number",
        (files / "empty.txt",): "empty.txt is empty: give a file with text in it",
        (files / "empty.jsonl",): "there is no text in",
        (files / "one.txt",): "was held out for validation",
    }
    for arguments, message in mistakes.items():
        assert message in run(*arguments).one_line_error()  # though another text has failed in the same folder
    assert "--vocab-size is 256: give 257" in call(prepare_data.main, text, "--vocab-size=256").one_line_error()
    assert "is for the corpus owt: give another folder" in call(prepare_data.main, files / "owt.txt").one_line_error()
