"""Fetching corpora: the real client of the hub against a server on this machine, and everything that can go wrong."""

import errno
import gzip
import io
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pyarrow
import pyarrow.parquet
import pytest

import preparation.hub
import prepare_data
from bpe import Tokenizer, encode_file, open_token_file
from preparation import CORPORA, DataNotFoundError, find_prepared, prepare_corpus

from .conftest import APPS
from .hub_server import COMMIT, HTML, start_hub

END = "<|endoftext|>"
VOCAB = 280
CHUNK = 16_384  # longer than the buffer of a file, so that it is on the disk at once


def stories(count, seed):
    return "".join(
        f"\nOnce there was a {seed} number {k}, and it was {k % 7} years old. The end.\n{END}" for k in range(count)
    )


def parquet_bytes(documents, column="text"):
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"id": list(range(len(documents))), column: documents}), file)
    return file.getvalue()


TRAIN, VALID = stories(1000, "cat"), stories(60, "dog")


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """The hub with all three corpora, and an empty cache."""
    for name in list(os.environ):
        if name.upper().endswith("_PROXY") or name.startswith(("HF_", "HUGGINGFACE_")):
            monkeypatch.delenv(name)
    hub, server = start_hub()
    monkeypatch.setenv("HF_ENDPOINT", hub.address)
    # Other tests of this process forbid requests by the environment, which the client reads when it is imported.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_TOKEN", "")
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", CHUNK)
    fineweb = CORPORA["fineweb"]
    hub.repositories = {
        "roneneldan/TinyStories": {
            "TinyStoriesV2-GPT4-train.txt": TRAIN.encode(),
            "TinyStoriesV2-GPT4-valid.txt": VALID.encode(),
        },
        "stanford-cs336/owt-sample": {
            "owt_train.txt.gz": gzip.compress(TRAIN.encode()),
            "owt_valid.txt.gz": gzip.compress(VALID.encode()),
        },
        fineweb.repository: {
            name: parquet_bytes([f"File {number}, text {k}. It is long enough." for k in range(300)])
            for number, name in enumerate(fineweb.train_files)
        },
    }
    yield hub
    hub.released.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


def prepare(name, data, **options):
    said = []
    prepared = prepare_corpus(name, VOCAB, root=data, say=said.append, **{"offline": False, **options})
    return prepared, "\n".join(said)


def report(data, name):
    return json.loads((data / name / f"vocab_{VOCAB}" / "report.json").read_text())


def visible(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


FILES = [
    "report.json",
    "report.md",
    "state.json",
    "tokenizer.json",
    "train.bin",
    "train.bin.json",
    "valid.bin",
    "valid.bin.json",
]


@pytest.mark.parametrize("name", ["tinystories", "owt"])
def test_a_corpus_of_text(hub, data, tmp_path, name):
    prepared, said = prepare(name, data)
    assert f"fetch: {CORPORA[name].train_files[0]} from {hub.address}" in said
    tokenizer = Tokenizer.load(prepared.tokenizer)
    assert tokenizer.vocab_size == VOCAB
    (tmp_path / "train.txt").write_text(TRAIN)
    encode_file(tokenizer, tmp_path / "train.txt", tmp_path / "train.bin")
    assert prepared.train_tokens.read_bytes() == (tmp_path / "train.bin").read_bytes()
    assert tokenizer.decode(open_token_file(prepared.valid_tokens).tolist()) == VALID
    assert visible(prepared.tokenizer.parent) == FILES
    written = report(data, name)
    assert written["texts"]["train"]["documents"] == 1000
    assert written["texts"]["train"]["bytes"] == len(TRAIN.encode())
    assert written["texts"]["valid"]["documents"] == 60
    assert written["fetched"]["commit"] == COMMIT
    assert list(written["seconds"]) == ["fetch", "tokenizer", "train", "valid"]
    assert find_prepared(name, VOCAB, data) == prepared
    # Nothing is asked for or made again.
    number, times = len(hub.requests), prepared.train_tokens.stat().st_mtime_ns
    assert prepare(name, data) == (prepared, "")
    assert len(hub.requests) == number
    assert prepared.train_tokens.stat().st_mtime_ns == times


def test_parquet_with_documents_held_out_and_the_other_tokenizer(hub, data, monkeypatch):
    prepare("tinystories", data)
    monkeypatch.setattr("preparation.job.CORPORA", {"fineweb": replace(CORPORA["fineweb"], valid_share=0.05)})
    prepared, _ = prepare("fineweb", data)
    tokenizer = Tokenizer.load(prepared.tokenizer)
    train, valid = (
        tokenizer.decode(open_token_file(path).tolist()).split(END)[:-1]
        for path in (prepared.train_tokens, prepared.valid_tokens)
    )
    assert len(train) + len(valid) == 14 * 300
    assert 0.03 < len(valid) / 4200 < 0.07
    assert not set(train) & set(valid)
    written = report(data, "fineweb")
    assert {(row["text"].split(",")[0], row["tokenizer"].split(",")[0]) for row in written["compression"]} == {
        ("fineweb", "fineweb"),
        ("fineweb", "tinystories"),
        ("tinystories", "fineweb"),
    }


def test_only_as_many_files_as_needed_are_fetched(hub, tmp_path, call):
    outcome = call(prepare_data.main, "fineweb", "--max-bytes=3000", "--vocab-size=280", f"--out={tmp_path / 'out'}")
    assert "no document of" in outcome.one_line_error()  # 0.1 % of so few are none
    first = CORPORA["fineweb"].train_files[0]
    assert len(hub.downloads()) == 1
    assert hub.requests[0] == f"HEAD /datasets/{CORPORA['fineweb'].repository}/resolve/main/{first}"


def test_a_second_vocabulary_and_offline_use_the_cache(hub, data):
    prepare("tinystories", data)
    number = len(hub.requests)
    prepare_corpus("tinystories", 270, offline=True, root=data, say=lambda line: None)
    assert len(hub.requests) == number


def test_the_environment_can_forbid_requests(hub, data, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(DataNotFoundError, match=r"no request is allowed \(offline\)"):
        prepare("owt", data)
    assert hub.requests == []


def test_without_a_network_the_answer_names_what_can_be_done(hub, data, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    started = time.perf_counter()
    with pytest.raises(DataNotFoundError) as caught:
        prepare("owt", data)
    assert time.perf_counter() - started < 1
    message = str(caught.value)
    for part in ("OpenWebText", "data/owt", "uv run apps/prepare_data.py owt", "--data.train_text PATH", "refused"):
        assert part in message
    assert "\n" not in message
    assert not data.exists()


@pytest.mark.parametrize("offline", [False, True])
def test_a_command_without_a_network_loads_no_client(tmp_path, offline):
    program = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); import pathlib, preparation\n"
        "try: preparation.prepare_corpus('owt', 300, offline=bool(int(sys.argv[1])), root=pathlib.Path('data'))\n"
        "except preparation.DataNotFoundError as error: print(error)\n"
        "print([name for name in ('huggingface_hub', 'numpy', 'pyarrow', 'torch', 'zstandard') if name in sys.modules])"
    )
    environment = {**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program, str(APPS), str(int(offline))],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    message, loaded = done.stdout.splitlines()
    assert "is neither in data" in message
    assert loaded == "[]"


def test_a_connection_that_is_cut_is_continued(hub, data, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    hub.cut_after = 40_000
    prepare("tinystories", data)
    assert [request.partition(" bytes=")[2] for request in hub.downloads()] == ["", "", f"{2 * CHUNK}-"]


KILLED = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from huggingface_hub import constants
constants.DOWNLOAD_CHUNK_SIZE = 16384
from pathlib import Path
from preparation import prepare_corpus
prepare_corpus("tinystories", int(sys.argv[1]), offline=False, root=Path(sys.argv[2]))
"""


def test_a_download_is_continued_after_the_program_was_killed(hub, data):
    expected, _ = prepare("tinystories", data / "whole")
    hub.requests.clear()
    cache = Path(os.environ["HF_HOME"]) / "hub"
    cache.rename(cache.with_name("other"))
    hub.stall_after = 40_000
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(APPS), str(VOCAB), str(data)], stderr=subprocess.DEVNULL
    )
    assert hub.stalled.wait(30)
    deadline = time.monotonic() + 10
    while (
        not [part for part in cache.rglob("*.part") if part.stat().st_size >= 2 * CHUNK] and time.monotonic() < deadline
    ):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    hub.released.set()
    hub.stall_after = None
    hub.requests.clear()
    assert find_prepared("tinystories", VOCAB, data) is None
    prepared, _ = prepare("tinystories", data)
    assert f"bytes={2 * CHUNK}-" in hub.downloads()[0]
    assert prepared.train_tokens.read_bytes() == expected.train_tokens.read_bytes()
    assert not list(cache.rglob("*.part"))


def fails(name, data, message):
    """A command that fails with a message, without leaving anything that counts as data."""
    with pytest.raises((ValueError, OSError), match=message) as caught:
        prepare(name, data)
    assert find_prepared(name, VOCAB, data) is None
    assert not list(Path(os.environ["HF_HOME"]).rglob("snapshots/*/*train*"))
    return str(caught.value)


def test_a_wrong_checksum(hub, data):
    right = hub.repositories["roneneldan/TinyStories"]["TinyStoriesV2-GPT4-valid.txt"]
    hub.content = right[:-1] + b"!"
    fails("tinystories", data, r"does not have the checksum .* fetch it again")
    assert not list(Path(os.environ["HF_HOME"]).rglob("*.part"))
    hub.content = None
    prepare("tinystories", data)


def test_a_page_instead_of_the_bytes(hub, data):
    hub.content = HTML
    fails("tinystories", data, "what was sent is not the file, .* the page of a proxy. Nothing of it was kept")
    hub.content = None
    prepare("tinystories", data)


@pytest.mark.parametrize(
    ("status", "error_code", "message"),
    [
        (200, None, "was not answered by a hub but by something else"),
        (401, "GatedRepo", "is gated: accept its terms there, and set HF_TOKEN"),
        (404, "RepoNotFound", "does not exist, or needs a login"),
        (404, "EntryNotFound", "has no file TinyStoriesV2-GPT4-valid.txt"),
        (403, None, "answered 403 Forbidden; the hub or a proxy refuses it"),
        (407, None, "answered 407 Proxy Authentication Required; the proxy requires a login"),
        (503, None, "answered 503 Service Unavailable; try again later; run the same command again"),
    ],
)
def test_answers_of_the_hub_or_of_a_proxy(hub, data, status, error_code, message):
    hub.resolve_status, hub.is_page, hub.error_code = status, status == 200, error_code
    fails("tinystories", data, message)


def test_a_full_disk_keeps_what_was_fetched(hub, data, monkeypatch):
    from huggingface_hub import file_download

    real = file_download.http_get

    def fills_the_disk(url, file, **options):
        class Limited:
            def write(self, chunk):
                if file.tell() >= 2 * CHUNK:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                return file.write(chunk)

            def __getattr__(self, name):
                return getattr(file, name)

        real(url, Limited(), **options)

    with monkeypatch.context() as patch:
        patch.setattr(file_download, "http_get", fills_the_disk)
        message = fails("tinystories", data, "No space left on device: free some space; run the same command again")
    assert ".part" in message
    hub.requests.clear()
    prepare("tinystories", data)
    assert f"bytes={2 * CHUNK}-" in hub.downloads()[0]


def test_a_disk_that_is_too_small_is_noticed_before_the_download(hub, data, monkeypatch):
    monkeypatch.setattr(preparation.hub.shutil, "disk_usage", lambda folder: SimpleNamespace(free=1000))
    fails("tinystories", data, "GB are needed: free some space, or set HF_HOME")
    assert hub.downloads() == []


def test_a_file_of_the_cache_that_was_damaged(hub, data):
    prepare("tinystories", data)
    (blob,) = (
        path for path in Path(os.environ["HF_HOME"]).rglob("blobs/*") if path.stat().st_size == len(VALID.encode())
    )
    blob.write_bytes(blob.read_bytes()[:-1] + b"!")
    with pytest.raises(ValueError, match="in the cache does not have its checksum and was removed"):
        prepare_corpus("tinystories", 270, offline=False, root=data, say=lambda line: None)
    prepare_corpus("tinystories", 270, offline=False, root=data, say=lambda line: None)


def test_another_process_fetches_the_same_file(hub, data):
    import fcntl
    import hashlib

    blobs = Path(os.environ["HF_HOME"]) / "hub" / "datasets--roneneldan--TinyStories" / "blobs"
    blobs.mkdir(parents=True)
    with (blobs / f"{hashlib.sha256(VALID.encode()).hexdigest()}.part").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        fails("tinystories", data, "another process is fetching")
