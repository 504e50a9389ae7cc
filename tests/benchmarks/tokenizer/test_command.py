"""The tokenizer's benchmark from the command line to the page, against the libraries that are installed."""

import base64
import json
from pathlib import Path
from pydoc_data import topics
from types import SimpleNamespace

import pytest

np = pytest.importorskip("numpy")

from benchmarks.common.command_line import shown_command  # noqa: E402
from benchmarks.tokenizer import command, gpt2_files, libraries, report, settings, worker  # noqa: E402
from benchmarks.tokenizer.sections.training import share_in_common  # noqa: E402
from bpe import Tokenizer, train_bpe  # noqa: E402


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A text, and a vocabulary learned from it in GPT-2's format."""
    root = tmp_path_factory.mktemp("small")
    text = "\n<|endoftext|>\n".join(list(topics.topics.values())[:12]) + "\n"
    (root / "topics.txt").write_text(text, "utf-8", newline="")
    vocab, merges = train_bpe(root / "topics.txt", 600, ["<|endoftext|>"])
    Tokenizer(vocab, merges, ["<|endoftext|>"]).save_gpt2(root / "encoder.json", root / "vocab.bpe")
    return root


@pytest.fixture
def measure(small, tmp_path, capsys):
    """Run a section of tiktoken and tokenizers from the command line to the result file, and check its page."""
    pytest.importorskip("tokenizers")
    pytest.importorskip("tiktoken")

    def run(section, *options):
        command.main(
            [
                *(section, "--corpus", str(small / "topics.txt"), "--vocab", str(small / "encoder.json")),
                *("--merges", str(small / "vocab.bpe"), "--library", "tiktoken", "--library", "tokenizers"),
                *("--repetitions", "1", "--json", str(tmp_path / "out.json"), *options),
            ]
        )
        results = json.loads((tmp_path / "out.json").read_text("utf-8"))
        assert report.page(results) in capsys.readouterr().out
        assert results["schema"] == 1
        found = results["sections"][section]
        assert found.keys() == {"command", "date", "machine", "versions", "repetitions", "corpora", "rows"}
        assert str(tmp_path) not in json.dumps(found)  # folders of this machine mean nothing on others
        assert found["corpora"][0]["bytes"] == (small / "topics.txt").stat().st_size
        return found["rows"]

    return run


@pytest.fixture
def in_process(monkeypatch):
    """Run the worker's tasks in this process, so that kernels are loaded once; requests and answers are still JSON."""
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    monkeypatch.setattr(worker, "gc", SimpleNamespace(collect=int))  # slow with the modules of all tests loaded

    def run_worker(request, module):
        assert module == worker.__name__
        answer = worker.measure(json.loads(json.dumps(dict(request))))
        return json.loads(json.dumps(answer))

    monkeypatch.setattr(settings, "run_worker", run_worker)


def test_encoding_gives_the_same_ids_and_a_speed_for_every_library(measure, in_process):
    rows = measure("encode")
    assert {(row["library"], row["threads"]) for row in rows} == {
        (library, threads) for library in ("ours", "tiktoken", "tokenizers") for threads in (1, "all")
    }
    for row in rows:
        assert row["ids"] == "equal", row
        assert len(row["runs"]) == 1
        assert row["runs"][0].keys() == {"load", "first", "warm", "cold", "peak"}
        assert min(row["megabytes_per_second"].values()) > 0


def test_ids_that_differ_are_described(measure, in_process, monkeypatch):
    from benchmarks.tokenizer.adapters.peers import Tiktoken

    encode_file = Tiktoken.encode_file

    def swapped(self, path):
        ids = encode_file(self, path).copy()
        ids[[5, 6]] = ids[[6, 5]]
        return ids

    monkeypatch.setattr(Tiktoken, "encode_file", swapped)
    rows = measure("encode")
    assert {row["library"] for row in rows if row["ids"] == "different"} == {"tiktoken"}
    assert {row["difference"]["position"] for row in rows if row["ids"] == "different"} == {5}


def test_training_and_scaling(measure, in_process):
    rows = measure("train", "--vocab-size", "300")
    assert rows["large"] == []
    assert [row["library"] for row in rows["corpora"]] == ["ours", "tokenizers"]
    assert all(row["seconds"] > 0 and row["tokens_in_common"] > 0.9 for row in rows["corpora"])
    part, whole = measure("scaling")
    assert part["bytes"] <= whole["bytes"] / 10
    assert part["seconds_over_smallest"] == 1


def test_start_up_in_processes_of_their_own(measure):
    rows = measure("startup", "--size", "10kB")
    assert [row["library"] for row in rows["files"]] == ["ours", "tiktoken", "tokenizers"]
    assert all(row["seconds"] > 0 and row["peak_bytes"] > 0 for row in rows["files"])
    steps = {(row["step"], row["library"]): row["seconds_above_python"] for row in rows["steps"]}
    assert steps["python -c pass", "python"] == 0
    assert steps["import bpe", "ours"] > 0
    assert len(steps) == 2 + 3


def test_other_formats_contain_the_vocabulary_of_gpt2s_files(small, tmp_path):
    files = {"vocab": str(small / "encoder.json"), "merges": str(small / "vocab.bpe")}
    written = gpt2_files.write_other_formats(files, str(tmp_path))
    ours = Tokenizer.from_files(files["vocab"], files["merges"], ["<|endoftext|>"])
    lines = [line.split() for line in Path(written["tiktoken"]).read_bytes().splitlines()]
    ranks = {int(rank): base64.b64decode(token) for token, rank in lines}
    assert ranks | {ours.special_tokens["<|endoftext|>"]: b"<|endoftext|>"} == ours.vocab
    assert Tokenizer.load(written["json"]).fingerprint == ours.fingerprint


def test_share_in_common():
    assert share_in_common(["a", "b", "c", "d"], ["b", "a", "x"]) == 0.5


def test_ours_is_always_measured_and_first():
    assert [library.name for library in libraries.choose(["tiktoken"])] == ["ours", "tiktoken"]
    with pytest.raises(ValueError, match="'tictoken', which is not known: choose from ours, gigatoken"):
        libraries.choose(["tictoken"])


def test_the_shown_command_has_no_folders():
    paths = [Path("/data/novels.txt"), None]
    arguments = ["encode", "--corpus", "/data/novels.txt", "--library", "a b"]
    shown = shown_command("tokenizer", arguments, paths)
    assert shown == "python -m benchmarks.tokenizer encode --corpus novels.txt --library 'a b'"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["encode"], "required: --corpus"),
        (["encode", "--corpus", "nowhere.txt", "--vocab", "v"], "--vocab and --merges belong together"),
        (["encode", "--corpus", "nowhere.txt", "--vocab", "v", "--merges", "m"], "--vocab is v, which is not a file"),
        (["encode", "--corpus", "nowhere.txt"], "--corpus is nowhere.txt, which is not a file"),
        (["encode", "--corpus", "topics.txt", "--library", "x"], "--library is 'x', which is not known"),
        (["encode", "--corpus", "topics.txt", "--repetitions", "0"], "'0' is not a positive integer"),
        (["corpus", "--from", "nowhere", "--out", "o", "--size", "1MB"], "--from is nowhere, which is not a folder"),
        (["corpus", "--from", ".", "--out", "o", "--size", "much"], "'much' is not a size"),
        (["report", "vocab.bpe"], "vocab.bpe is not a file of results"),
    ],
)
def test_mistakes_are_one_line(small, monkeypatch, one_line_error, arguments, message):
    monkeypatch.chdir(small)
    if "encode" in arguments and "--vocab" not in arguments:
        arguments = [*arguments, "--vocab", "encoder.json", "--merges", "vocab.bpe"]
    assert message in one_line_error(command.main, arguments)


def test_a_corpus_from_the_command_line(tmp_path, capsys):
    for folder, text in {"code": "x = 1\n", "words": "🙂 smile\n"}.items():
        (tmp_path / "texts" / folder).mkdir(parents=True)
        (tmp_path / "texts" / folder / "file.py").write_text(text * 8_000, "utf-8")
    command.main(["corpus", "--from", str(tmp_path / "texts"), "--out", str(tmp_path / "mixed.txt"), "--size", "50kB"])
    printed = capsys.readouterr().out
    assert "| from code |" in printed
    assert "| from words |" in printed
    assert "| emoji |" in printed
    assert (tmp_path / "mixed.txt").stat().st_size >= 50_000
