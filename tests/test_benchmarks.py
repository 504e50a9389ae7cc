"""The tokenizer benchmarks: their arithmetic, their corpora, and one tiny run against what is installed."""

import base64
import json
import subprocess
import sys
from pathlib import Path
from pydoc_data import topics

import pytest

np = pytest.importorskip("numpy")

from bpe import Tokenizer, train_bpe  # noqa: E402

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))  # scripts in benchmarks/ find each other this way

import console  # noqa: E402
import corpora  # noqa: E402
import figures  # noqa: E402
import libraries  # noqa: E402
import markdown  # noqa: E402
import report  # noqa: E402
import results as result_files  # noqa: E402
import runs  # noqa: E402
import tokenizer as benchmark  # noqa: E402
import tokenizer_ours  # noqa: E402
import tokenizer_peers_training  # noqa: E402

# ---- figures


def test_the_ratio_is_that_of_runs_in_the_same_repetition():
    ours = [{"s": 1.0}, {"s": 10.0}, {"s": 1.0}]
    peer = [{"s": 2.0}, {"s": 20.0}, {"s": 9.0}]
    assert figures.median_ratio(peer, ours, "s") == 2.0  # the ratio of the medians would be 9
    assert figures.median_of(peer, "s") == 9.0
    with pytest.raises(ValueError, match="zip"):
        figures.median_ratio(peer, ours[:2], "s")


@pytest.mark.parametrize(
    ("ours", "peer", "expected"),
    [
        ({1: 1.0, 2: 1.0, 4: 1.0}, {1: 2.0, 2: 2.0, 4: 2.0}, 1),
        ({1: 3.0, 2: 1.0, 4: 1.0}, {1: 2.0, 2: 2.0, 4: 2.0}, 2),
        ({1: 1.0, 2: 3.0, 4: 1.0}, {1: 2.0, 2: 2.0, 4: 2.0}, 4),  # faster at 1, but not from there on
        ({1: 1.0, 2: 1.0, 4: 2.0}, {1: 2.0, 2: 2.0, 4: 2.0}, None),
        ({1: 3.0, 2: 1.0, 4: 9.0}, {1: 2.0, 2: 2.0}, 2),  # the peer was not measured at 4
    ],
)
def test_size_from_which_ours_is_faster(ours, peer, expected):
    assert figures.size_from_which_faster(ours, peer) == expected


@pytest.mark.parametrize(
    ("ids", "others", "expected"),
    [([1, 2, 3], [1, 2, 3], None), ([1, 2, 3], [1, 9, 3], 1), ([1, 2], [1, 2, 3], 2), ([1, 2], [], 0)],
)
def test_first_difference(ids, others, expected):
    assert figures.first_difference(np.array(ids, np.uint32), np.array(others, np.uint32)) == expected


def test_a_difference_comes_with_the_text_around_it():
    vocab = {0: b"a", 1: b"b", 2: "é".encode()}
    found = figures.describe_difference(np.array([0, 1, 2, 0]), np.array([0, 1, 1, 0]), vocab, around=1)
    assert found == {"position": 2, "ours": [2], "theirs": [1], "text": "bé", "text_from_there": "é"}
    assert figures.describe_difference(np.array([0]), np.array([0]), vocab) is None


def test_share_in_common():
    assert figures.share_in_common(["a", "b", "c", "d"], ["b", "a", "x"]) == 0.5


# ---- runs


def test_each_repetition_runs_all_in_turn():
    order = []

    def run(request):
        order.append(request["library"])
        return {"turn": len(order)}

    requests = [{"task": "t", "library": name} for name in "abc"]
    answers = runs.interleave(requests, 3, run)
    assert "".join(order) == "abc" + "cba" + "abc"
    assert [[answer["turn"] for answer in one] for one in answers] == [[1, 6, 7], [2, 5, 8], [3, 4, 9]]


def test_a_worker_that_fails_is_named():
    with pytest.raises(runs.WorkerError, match="nobody: KeyError"):
        runs.run_worker({"task": "startup", "library": "nobody", "threads": 1, "files": {}, "path": "x"})


# ---- corpora


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "texts"
    for name, text in {
        "code/a.py": "def f():\n    return 1\n" * 4_000,
        "code/b.txt": "a = b\n" * 100,
        "words/ru.txt": "привет, мир\n" * 4_000,
        "words/emoji.txt": "🙂 and 👩‍🚀\n" * 2_000,
        "words/no_line_end.txt": "é" * 40_000,
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    (root / "latin1.txt").write_bytes(b"caf\xe9\n")
    (root / "zeros.bin").write_bytes(b"a\0b\n")
    return root


def documents(path):
    text = path.read_text("utf-8")
    assert text.endswith("\n<|endoftext|>\n")
    return text.removesuffix("<|endoftext|>\n").split("<|endoftext|>\n")


def test_a_corpus_is_the_same_each_time_and_holds_all_text_once(folder, tmp_path):
    first = corpora.assemble(folder, tmp_path / "1.txt", 10**9)
    second = corpora.assemble(folder, tmp_path / "2.txt", 10**9)
    assert (tmp_path / "1.txt").read_bytes() == (tmp_path / "2.txt").read_bytes()
    assert first == second
    assert first.bytes_written == (tmp_path / "1.txt").stat().st_size
    assert first.documents == len(documents(tmp_path / "1.txt"))
    assert sorted(Path(name).name for name in first.skipped) == ["latin1.txt", "zeros.bin"]
    assert first.bytes_of_code == (folder / "code/a.py").stat().st_size
    # Every line of every text is there as often as in the files, but for the long line, which is cut between letters.
    lines = [line for text in documents(tmp_path / "1.txt") for line in text.splitlines()]
    for name in ("code/a.py", "code/b.txt", "words/ru.txt", "words/emoji.txt"):
        expected = (folder / name).read_text("utf-8").splitlines()
        assert lines.count(expected[0]) == expected.count(expected[0])
    assert sum(line.count("é") for line in lines) == 40_000


def test_folders_give_equal_shares(folder, tmp_path):
    made = corpora.assemble(folder, tmp_path / "mixed.txt", 160_000)
    assert 160_000 <= made.bytes_written < 160_000 + 70_000
    assert abs(made.bytes_by_folder["code"] - made.bytes_by_folder["words"]) < 70_000


def test_a_folder_without_text_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no file with UTF-8 text"):
        corpora.assemble(tmp_path, tmp_path / "out.txt", 1_000)
    assert not (tmp_path / "out.txt").exists()


def test_a_corpus_inside_its_own_folder_is_not_read(folder):
    corpora.assemble(folder, folder / "a_mixed.txt", 10**9)
    size = (folder / "a_mixed.txt").stat().st_size
    corpora.assemble(folder, folder / "a_mixed.txt", 10**9)
    assert (folder / "a_mixed.txt").stat().st_size == size


def test_bytes_by_class_add_up(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("abc é дом 漢字 かな ไทย 12 ٣ 🙂🇫🇷 ©, +\n", "utf-8", newline="")
    found = corpora.bytes_by_class(path)
    assert sum(found.values()) == path.stat().st_size
    assert found["Latin"] == 5
    assert found["Cyrillic"] == found["Han"] == found["Hiragana"] == 6
    assert found["Thai"] == 9
    assert found["digits"] == 4
    assert found["emoji"] == 12
    assert found["other signs"] == 4


def test_a_beginning_ends_with_a_line(tmp_path):
    (tmp_path / "text.txt").write_text("one\ntwo\nthree", "utf-8", newline="")
    for size, expected in {
        4: b"one\n",
        7: b"one\n",
        8: b"one\ntwo\n",
        12: b"one\ntwo\n",
        13: b"one\ntwo\nthree",
    }.items():
        assert corpora.cut(tmp_path / "text.txt", tmp_path / "part.txt", size) == len(expected)
        assert (tmp_path / "part.txt").read_bytes() == expected
    with pytest.raises(ValueError, match="no line end"):
        corpora.cut(tmp_path / "text.txt", tmp_path / "part.txt", 3)


@pytest.mark.parametrize("chunk", [1, 3, 7, 1_000])
def test_documents_do_not_depend_on_how_the_file_is_read(tmp_path, monkeypatch, chunk):
    text = "one\r\n<|endoftext|>\n<|endoftext|><|endoftext|>tw<|endo<|endoftext|>é"
    (tmp_path / "text.txt").write_text(text, "utf-8", newline="")
    monkeypatch.setattr(tokenizer_peers_training, "_CHUNK_CHARACTERS", chunk)
    found = list(tokenizer_peers_training._documents(str(tmp_path / "text.txt")))
    assert found == text.split("<|endoftext|>")


# ---- report


def encode_row(library, speed, ratio, **more):
    calls = ("first", "cold", "warm")
    return {
        "corpus": "text.txt",
        "bytes": 2_000_000,
        "threads": 1,
        "library": library,
        "ids": "equal",
        "megabytes_per_second": dict.fromkeys(calls, speed),
        "ours_over_peer": dict.fromkeys(calls, ratio),
        "load_seconds": 0.5,
        "peak_bytes": 100_000_000,
        "runs": [],
    } | more


def results(rows):
    section = {
        "command": "benchmarks/tokenizer.py encode --corpus text.txt",
        "date": "2024-01-01 00:00 UTC",
        "machine": {"processor": "A", "cores": 2, "memory_bytes": 2**33, "system": "Linux", "python": "3.11"},
        "versions": {"bpe": "1", "rustbpe": None},
        "repetitions": 5,
        "corpora": [{"name": "text.txt", "bytes": 2_000_000, "separators": 3, "bytes_by_class": {"Latin": 2_000_000}}],
        "rows": rows,
    }
    return {"schema": 1, "sections": {"encode": section}}


def test_table():
    assert markdown.table(["a", "b"], [["x", "1"]]) == "| a | b |\n| --- | ---: |\n| x | 1 |"


def test_the_page_hides_neither_differences_nor_failures_nor_what_is_missing():
    difference = {"position": 7, "ours": [1], "theirs": [2], "text": "ab", "text_from_there": "b"}
    failed = {"corpus": "text.txt", "bytes": 2_000_000, "threads": 1, "library": "p3", "failed": "p3: out of luck"}
    rows = [
        encode_row("ours", 200.0, 1.0),
        encode_row("p1", 100.0, 2.0),
        encode_row("p2", 400.0, 0.5, ids="different", difference=difference),
        failed,
    ]
    page = report.page(results(rows))
    assert "| **ours** | 2.0 | 200.0 | 200.0 | 200.0 | 0.50 | 100 | equal |" in page
    assert "| p1 | 2.0 | 100.0 (2.00×) |" in page
    assert "| p2 | 2.0 | 400.0 (0.50×) | 400.0 (0.50×) | 400.0 (0.50×) | 0.50 | 100 | **different** |" in page
    assert "The ids of p2 part from ours in `text.txt` at id 7" in page
    assert "failed: p3: out of luck" in page
    assert "rustbpe not installed" in page
    assert "2024-01-01 00:00 UTC" in page


def test_crossings():
    rows = [
        {"library": name, "bytes": size, "seconds": seconds}
        for name, times in {"ours": [2.0, 2.0], "slow": [1.0, 3.0], "quick": [1.0, 1.0]}.items()
        for size, seconds in zip([10_000, 1_000_000], times, strict=True)
    ]
    assert report.crossings(rows) == [
        "against slow: faster from 1 MB on (measured up to 1 MB)",
        "against quick: no size up to 1 MB, the largest measured, is large enough",
    ]


def test_ours_is_always_measured_and_first():
    assert [library.name for library in libraries.choose(["tiktoken"])] == ["ours", "tiktoken"]
    with pytest.raises(ValueError, match="'tictoken' is not known: choose from ours, gigatoken"):
        libraries.choose(["tictoken"])


# ---- the whole


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A text, and a vocabulary learned from it in GPT-2's format."""
    root = tmp_path_factory.mktemp("small")
    text = "\n<|endoftext|>\n".join(list(topics.topics.values())[:12]) + "\n"
    (root / "topics.txt").write_text(text, "utf-8", newline="")
    vocab, merges = train_bpe(root / "topics.txt", 600, ["<|endoftext|>"])
    Tokenizer(vocab, merges, ["<|endoftext|>"]).save_gpt2(root / "encoder.json", root / "vocab.bpe")
    return root


def call(*arguments):
    command = [sys.executable, str(BENCHMARKS / "tokenizer.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_encode_from_command_line_to_json(small, tmp_path):
    pytest.importorskip("tokenizers")
    pytest.importorskip("tiktoken")
    done = call(
        "encode",
        *("--corpus", small / "topics.txt", "--vocab", small / "encoder.json", "--merges", small / "vocab.bpe"),
        *("--library", "tiktoken", "--library", "tokenizers", "--repetitions", 1, "--json", tmp_path / "out.json"),
    )
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert found["schema"] == 1
    section = found["sections"]["encode"]
    assert section.keys() == {"command", "date", "machine", "versions", "repetitions", "corpora", "rows"}
    assert str(tmp_path) not in json.dumps(section)  # folders of this machine mean nothing elsewhere
    assert section["corpora"][0]["bytes"] == (small / "topics.txt").stat().st_size
    assert {(row["library"], row["threads"]) for row in section["rows"]} == {
        (library, threads) for library in ("ours", "tiktoken", "tokenizers") for threads in (1, "all")
    }
    for row in section["rows"]:
        assert row["ids"] == "equal", row
        assert len(row["runs"]) == 1
        assert row["runs"][0].keys() == {"load", "first", "warm", "cold", "peak"}
        assert min(row["megabytes_per_second"].values()) > 0
    assert report.page(found) in done.stdout


def test_other_formats_say_the_same_as_gpt2s_files(small, tmp_path):
    files = {"vocab": str(small / "encoder.json"), "merges": str(small / "vocab.bpe")}
    written = tokenizer_ours.write_other_formats(files, str(tmp_path))
    ours = Tokenizer.from_files(files["vocab"], files["merges"], ["<|endoftext|>"])
    lines = [line.split() for line in Path(written["tiktoken"]).read_bytes().splitlines()]
    ranks = {int(rank): base64.b64decode(token) for token, rank in lines}
    assert ranks | {ours.special_tokens["<|endoftext|>"]: b"<|endoftext|>"} == ours.vocab
    assert Tokenizer.load(written["json"]).fingerprint == ours.fingerprint


def test_docs_keep_the_sections_that_were_not_measured_again(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(result_files, "DOCS", tmp_path / "docs")
    measured = results([encode_row("ours", 200.0, 1.0), encode_row("p1", 100.0, 2.0)])
    scaling = measured["sections"]["encode"] | {"rows": []}
    benchmark._write_docs(measured)
    benchmark._write_docs({"schema": 1, "sections": {"scaling": scaling}})
    kept = json.loads((tmp_path / "docs" / "tokenizer.json").read_text("utf-8"))
    assert kept["sections"] == {"encode": measured["sections"]["encode"], "scaling": scaling}
    assert "(tokenizer.svg)" in (tmp_path / "docs" / "tokenizer.md").read_text("utf-8")
    assert (tmp_path / "docs" / "tokenizer.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["encode"], "required: --corpus"),
        (["encode", "--corpus", "nowhere.txt", "--vocab", "v"], "--vocab and --merges belong together"),
        (["encode", "--corpus", "nowhere.txt", "--vocab", "v", "--merges", "m"], "v is no file"),
        (["encode", "--corpus", "nowhere.txt"], "nowhere.txt is no file"),
        (["encode", "--corpus", "topics.txt", "--library", "x"], "library 'x' is not known"),
        (["encode", "--corpus", "topics.txt", "--repetitions", "0"], "'0' is no positive whole number"),
        (["corpus", "--from", "nowhere", "--out", "o", "--size", "1MB"], "nowhere is no folder"),
        (["corpus", "--from", ".", "--out", "o", "--size", "much"], "'much' is no size"),
        (["report", "vocab.bpe"], "vocab.bpe holds no results"),
    ],
)
def test_mistakes_are_one_line(small, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(small)
    if "encode" in arguments and "--vocab" not in arguments:
        arguments = [*arguments, "--vocab", "encoder.json", "--merges", "vocab.bpe"]
    monkeypatch.setattr(sys, "argv", ["tokenizer.py", *arguments])
    with pytest.raises(SystemExit) as left:
        console.run(benchmark.main)
    said = capsys.readouterr().err.splitlines()
    assert left.value.code == 2
    assert len(said) == 1
    assert said[0].startswith("error: ")
    assert message in said[0]


def test_a_corpus_from_the_command_line(folder, tmp_path):
    done = call("corpus", "--from", folder, "--out", tmp_path / "mixed.txt", "--size", "50kB")
    assert done.returncode == 0, done.stderr
    assert "| from code |" in done.stdout
    assert "| from words |" in done.stdout
    assert "| emoji |" in done.stdout
    assert (tmp_path / "mixed.txt").stat().st_size >= 50_000
