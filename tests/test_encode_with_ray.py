"""Encoding with Ray: killed in the middle and run again, with a worker lost; and mistakes, without Ray."""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pytest

from bpe import Tokenizer, encode_file, encode_shard, read_shard_manifest, train_bpe, write_shard_manifest
from nn import ModelConfig
from trainer import DataConfig, open_data

from .conftest import APPS

END = "<|endoftext|>"
NAMES = ["a.txt", "b.txt", "c.txt", "d.txt", "e.txt", "f.jsonl"]
SECONDS = 240  # for a busy machine; alone it takes a tenth of that


def words(seed, number):
    """Words that are nearly all different, so that the reference engine has to merge each of them."""
    source = random.Random(seed)
    return " ".join("".join(source.choices("abcdefghij", k=source.randint(5, 12))) for _ in range(number))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Six files, each of which takes the reference engine about half a second, and their tokenizer."""
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "texts").mkdir()
    for k, name in enumerate(NAMES):
        text = words(k, 10_000)
        content = text + (END if k % 2 else "") if name.endswith(".txt") else json.dumps({"body": text}) + "\n"
        (folder / "texts" / name).write_text(content)
    (folder / "sample.txt").write_text(words(0, 2_000))
    vocab, merges = train_bpe(folder / "sample.txt", 400, [END], engine="reference")
    Tokenizer(vocab, merges, [END]).save(folder / "tokenizer.json")
    return folder


def arguments(corpus, out):
    files = [corpus / "texts" / name for name in NAMES]
    return [corpus / "tokenizer.json", *files, "--out", out, "--separator", END, "--column", "body"]


@pytest.fixture(scope="module")
def expected(corpus, tmp_path_factory):
    """The shards and the manifest as one process writes them."""
    folder = tmp_path_factory.mktemp("expected")
    tokenizer = Tokenizer.load(corpus / "tokenizer.json")
    for name in NAMES:
        encode_shard(tokenizer, corpus / "texts" / name, folder, column="body", separator=END)
    write_shard_manifest(folder, [f"{name}.bin" for name in NAMES])
    return folder


class RayCommand:
    """The command as a process, and the processes that Ray starts for it, which inherit a mark in their environment."""

    def __init__(self, corpus, out, cache):
        self.mark = f"ENCODE_WITH_RAY_TEST={os.urandom(8).hex()}"
        name, value = self.mark.split("=")
        # Without kernels in the cache, texts of this size are encoded by the reference engine.
        environment = os.environ | {name: value, "BPE_CACHE_DIR": str(cache), "OMP_NUM_THREADS": "1"}
        # A killed command leaves its folder of Ray's files. Those of pytest have too long paths for Ray's sockets.
        self.scratch = tempfile.TemporaryDirectory(prefix="t", ignore_cleanup_errors=True)
        environment["TMPDIR"] = self.scratch.name
        command = [sys.executable, APPS / "encode_with_ray.py", *arguments(corpus, out), "--num-cpus", "2"]
        self.process = subprocess.Popen(
            list(map(str, command)), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def processes(self):
        """Return process ids and command lines of all processes with the mark, except zombies."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if self.mark.encode() in (folder / "environ").read_bytes():
                    found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        return found

    def has_ended(self):
        """Fail if the command has ended; return False."""
        assert self.process.poll() is None, self.process.communicate()
        return False

    def wait_for(self, condition):
        deadline = time.monotonic() + SECONDS
        while not (result := condition()):
            assert time.monotonic() < deadline, "nothing has happened for too long"
            time.sleep(0.02)
        return result

    def wait_for_the_end(self):
        """Wait until Ray has ended by itself."""
        self.wait_for(lambda: not self.processes())

    def workers(self):
        return [pid for pid, line in self.processes().items() if line.startswith("ray::") and "ShardTask" in line]

    def stop(self):
        """End what is left, after a failure."""
        for pid in (self.process.pid, *self.processes()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.communicate()
        self.scratch.cleanup()


@pytest.fixture
def start(corpus, tmp_path):
    commands = []

    def start_command(out):
        commands.append(RayCommand(corpus, out, tmp_path / "kernels"))
        return commands[-1]

    yield start_command
    for command in commands:
        command.stop()


def finished(folder):
    """Return the files of all finished shards, with what changes if one is written again."""
    names = [path.name.removesuffix(".shard.json") for path in folder.glob("*.shard.json")]
    files = [folder / f"{name}{ending}" for name in names for ending in ("", ".json", ".shard.json")]
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


@pytest.mark.skipif(sys.platform != "linux", reason="finds the processes of Ray in /proc")
def test_killed_and_run_again_nothing_is_encoded_twice(corpus, expected, start, tmp_path):
    pytest.importorskip("ray")
    out = tmp_path / "tokens"
    first = start(out)
    first.wait_for(lambda: first.has_ended() or (out.exists() and finished(out)))
    first.process.kill()
    first.process.wait()
    first.wait_for_the_end()
    before = finished(out)
    assert 0 < len(before) < 3 * len(NAMES)
    assert not (out / "shards.json").exists()

    second = start(out)
    workers = second.wait_for(lambda: second.has_ended() or second.workers())
    os.kill(workers[0], signal.SIGKILL)  # Ray gives its file to another worker
    output, errors = second.process.communicate(timeout=SECONDS)
    assert second.process.returncode == 0, errors
    assert "Traceback" not in errors
    assert "Warning" not in errors
    assert sum(" tokens" in line and " of 6: " in line for line in output.splitlines()) == 6
    second.wait_for_the_end()
    assert finished(out).items() >= before.items()

    assert (out / "shards.json").read_bytes() == (expected / "shards.json").read_bytes()
    tokenizer = Tokenizer.load(corpus / "tokenizer.json")
    for name in NAMES:
        encode_file(tokenizer, corpus / "texts" / name, tmp_path / "alone.bin", column="body", separator=END)
        assert (out / f"{name}.bin").read_bytes() == (tmp_path / "alone.bin").read_bytes()
    model = ModelConfig(vocab_size=400, context_length=16, d_model=16, num_layers=1, num_heads=2, d_ff=32)
    data = open_data(DataConfig(str(out / "shards.json"), str(out / "shards.json")), model)
    assert data.num_train_tokens == read_shard_manifest(out / "shards.json").info.count


@pytest.fixture
def main(monkeypatch):
    """The command, with a loop in place of Ray."""
    import encode_with_ray

    monkeypatch.setattr(encode_with_ray, "results", lambda task, rows, **options: map(task, rows))
    monkeypatch.setattr(encode_with_ray, "find_spec", lambda name: name)
    return encode_with_ray.main


def test_a_file_that_cannot_be_encoded_is_named_and_the_others_are_kept(call, main, corpus, expected, tmp_path):
    bad = tmp_path / "bad.txt"
    bad.write_bytes(b"\xff")
    given = arguments(corpus, tmp_path / "tokens")
    outcome = call(main, given[0], bad, *given[1:])
    message = f"1 of 7 files could not be encoded, the others are finished: {bad} is not UTF-8"
    assert outcome.one_line_error().startswith(message)
    assert not (tmp_path / "tokens" / "shards.json").exists()
    before = finished(tmp_path / "tokens")
    assert len(before) == 18

    outcome = call(main, *given)
    assert outcome.code == 0
    assert f"train on it with --data.train_tokens {tmp_path / 'tokens' / 'shards.json'}" in outcome.output
    assert finished(tmp_path / "tokens") == before
    assert (tmp_path / "tokens" / "shards.json").read_bytes() == (expected / "shards.json").read_bytes()


def test_an_unexpected_error_is_one_of_its_file(call, main, corpus, tmp_path, monkeypatch):
    def run_out_of_memory(*given, **options):
        raise MemoryError

    monkeypatch.setattr("shard_task.encode_shard", run_out_of_memory)
    error = call(main, *arguments(corpus, tmp_path / "tokens")).one_line_error()
    assert error.startswith("6 of 6 files could not be encoded")
    assert f"{corpus / 'texts' / 'a.txt'}: MemoryError: no reason given" in error
    assert "and 1 more" in error


def test_files_of_the_same_name(call, main, corpus, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "text.txt").write_text(name)
    given = [corpus / "tokenizer.json", *sorted(tmp_path.glob("*/text.txt")), "--out", tmp_path / "tokens"]
    message = "would both become text.txt.bin: give each file once, and with --root a folder that contains all of them"
    assert call(main, *given).one_line_error() == f"{given[1]} and {given[2]} {message}"
    assert call(main, *given, "--root", tmp_path).code == 0
    manifest = read_shard_manifest(tmp_path / "tokens" / "shards.json")
    assert [entry.name for entry in manifest.shards] == ["one/text.txt.bin", "two/text.txt.bin"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["none.txt"], "none.txt is not a file: check its name"),
        (["--out", "none/tokens"], "the folder none for tokens does not exist: create it first"),
        (["--num-cpus", "0"], "--num-cpus is 0: give at least 1"),
        (["--num-cpus", "2", "--address", "auto"], "--num-cpus is for Ray on this machine, but --address is given"),
        (["--column", "body"], "--column is for JSON lines and parquet, but a.txt is text: remove it"),
        (["--separator", "END"], f"--separator is 'END': give a special token of the tokenizer ({END})"),
        (["f.jsonl"], f"f.jsonl has documents: give --separator, a special token of the tokenizer ({END})"),
    ],
)
def test_mistakes_are_answered_before_ray_is_started(call, main, corpus, tmp_path, monkeypatch, more, message):
    monkeypatch.chdir(corpus / "texts")
    out = [] if "--out" in more else ["--out", tmp_path / "tokens"]
    outcome = call(main, corpus / "tokenizer.json", "a.txt", *more, *out)
    assert outcome.one_line_error().startswith(message)
    assert not (tmp_path / "tokens").exists()


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.0.0.1:99999", "no.such.host.invalid:6379"])
def test_no_cluster_at_the_address(call, corpus, tmp_path, monkeypatch, address):
    import encode_with_ray

    monkeypatch.setattr(encode_with_ray, "find_spec", lambda name: name)
    outcome = call(encode_with_ray.main, *arguments(corpus, tmp_path / "tokens"), "--address", address)
    assert outcome.one_line_error().startswith(f"there is no Ray cluster at {address}: start one with ray start --head")


def test_without_ray(call, main, corpus, tmp_path, monkeypatch):
    import encode_with_ray

    monkeypatch.setattr(encode_with_ray, "find_spec", lambda name: None)
    message = "this command needs the package ray: install it with uv sync --group ray"
    assert call(main, *arguments(corpus, tmp_path / "tokens")).one_line_error() == message
