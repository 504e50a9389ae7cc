"""`bpe train`, and the formats that it writes."""

import json
import subprocess
import sys
import warnings

import pytest

from bpe import PATTERNS, Tokenizer, train_bpe
from bpe.cli import main

from ..conftest import END, SCRIPTS


@pytest.fixture
def run(tmp_path, monkeypatch, capfd, corpus):
    """Run `bpe train` in a folder with texts; return its exit code, output and errors."""
    (tmp_path / "corpus.txt").write_bytes(corpus.read_bytes())
    (tmp_path / "other.txt").write_bytes((SCRIPTS * 3).encode())
    (tmp_path / "short.txt").write_bytes(b"low low low lower")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        capfd.readouterr()
        code = main(["train", *map(str, arguments)])
        return code, *capfd.readouterr()

    return run


def test_train_equals_train_bpe(run, corpus):
    code, output, errors = run("corpus.txt", "--vocab-size", 400, "--out", "tokenizer.json")
    expected = Tokenizer(*train_bpe(corpus, 400, [END]), [END])
    assert (code, errors) == (0, "")
    assert output.endswith("\ntokenizer.json: 400 tokens\n")
    assert len(output.splitlines()) > 1  # the report
    assert Tokenizer.load("tokenizer.json").fingerprint == expected.fingerprint


def test_train_prints_its_report_as_json(run, corpus):
    code, output, errors = run("corpus.txt", "--vocab-size", 400, "--out", "tokenizer.json", "--json")
    assert (code, errors) == (0, "")
    report = json.loads(output)
    vocab, merges = train_bpe(corpus, 400, [END])
    longest = max((left + right for left, right in merges), key=len)
    assert (report["num_tokens"], report["num_merges"]) == (len(vocab), len(merges))
    assert len(report["longest_tokens"][0].encode()) == len(longest)
    assert report["bytes_read"] == corpus.stat().st_size


def test_train_takes_all_options(run):
    options = {"min_frequency": 3, "max_token_length": 5, "num_threads": 2}
    specials = ["<|user|>", END]
    vocab, merges = train_bpe(["corpus.txt", "other.txt"], 500, specials, pattern="cl100k", **options)
    code, _, errors = run(
        *["corpus.txt", "other.txt", "--vocab-size", 500, "--out", "tokenizer.json", "--pattern", "cl100k"],
        *["--special-token", "<|user|>", "--special-token", END],
        *["--min-frequency", 3, "--max-token-length", 5, "--threads", 2],
    )
    assert (code, errors) == (0, "")
    expected = Tokenizer(vocab, merges, specials, pattern="cl100k")
    assert Tokenizer.load("tokenizer.json").fingerprint == expected.fingerprint


def test_train_without_special_tokens(run, corpus):
    assert run("corpus.txt", "--vocab-size", 300, "--out", "t.json", "--no-special-tokens")[0] == 0
    assert Tokenizer.load("t.json").special_tokens == {}


@pytest.mark.parametrize("format_option", [[], ["--format", "gpt2"]])
def test_train_writes_gpt2_files_to_a_folder(run, corpus, tmp_path, format_option):
    if not format_option:
        (tmp_path / "pair").mkdir()
    assert run("corpus.txt", "--vocab-size", 400, "--out", "pair", *format_option)[0] == 0
    loaded = Tokenizer.from_files("pair/vocab.json", "pair/merges.txt", [END])
    assert (loaded.vocab, loaded.merges) == train_bpe(corpus, 400, [END])
    assert main(["count", "pair", "corpus.txt"]) == 0


@pytest.mark.parametrize(("name", "format_option"), [("t.tiktoken", []), ("ranks", ["--format", "tiktoken"])])
def test_train_writes_tiktoken_files(run, corpus, name, format_option):
    options = ["--no-special-tokens", "--out", name, *format_option]
    assert run("corpus.txt", "--vocab-size", 400, *options)[0] == 0
    loaded = Tokenizer.from_tiktoken(name, pattern="gpt2")
    assert loaded.encode(SCRIPTS) == Tokenizer(*train_bpe(corpus, 400)).encode(SCRIPTS)


def test_commands_take_tiktoken_files(run, corpus, capfd):
    """They contain no special tokens: these are given with their ids, and the ids are those of the training."""
    run("corpus.txt", "--vocab-size", 400, "--out", "t.tiktoken")
    capfd.readouterr()
    assert main(["encode", "t.tiktoken", "corpus.txt", "--pattern", "gpt2", "--special-token", f"{END}=0"]) == 0
    ids = [int(line) for line in capfd.readouterr().out.splitlines()]
    assert ids == Tokenizer(*train_bpe(corpus, 400, [END]), [END]).encode(corpus.read_bytes().decode())


def test_the_warning_for_stopping_early_is_one_line(run):
    code, _, errors = run("short.txt", "--vocab-size", 5000, "--out", "t.json")
    assert code == 0
    assert errors.startswith("warning: training stopped")
    assert errors.count("\n") == 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected, _ = train_bpe("short.txt", 5000, [END])
    assert Tokenizer.load("t.json").vocab == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("corpus.txt --vocab-size 300", "the following arguments are required: --out"),
        ("corpus.txt --vocab-size big --out t.json", "argument --vocab-size: invalid int value: 'big'"),
        ("corpus.txt --vocab-size 200 --out t.json", "vocab_size is 200"),
        ("nowhere.txt --vocab-size 300 --out t.json", "nowhere.txt does not exist: check its name"),
        ("latin.txt --vocab-size 300 --out t.json", "latin.txt is not UTF-8: byte 0xe9 at offset 3"),
        (
            "corpus.txt --vocab-size 300 --out t.bin",
            "t.bin has no known file extension: give --format, one of",
        ),
        ("corpus.txt --vocab-size 300 --out none/t.json", "the folder none for t.json does not exist: create it first"),
        (
            "corpus.txt --vocab-size 300 --format tokenizer.json --out corpus.txt",
            "corpus.txt would overwrite the input",
        ),
        ("corpus.txt --vocab-size 300 --out t.json --threads 0", "num_threads"),
        ("corpus.txt --vocab-size 300 --out t.json --pattern (", "split pattern '('"),
        ("corpus.txt --vocab-size 300 --out t.json --no-special-tokens --special-token a", "not allowed with argument"),
    ],
)
def test_an_error_is_one_line(run, tmp_path, arguments, message):
    before = sorted(tmp_path.iterdir())
    code, output, errors = run(*arguments.split())
    assert (code, output) == (2, "")
    assert message in errors
    assert errors.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_a_pattern_that_cannot_be_saved_is_an_error_before_training(run, monkeypatch):
    monkeypatch.setattr("bpe.training.train_bpe_with_report", lambda *arguments, **options: pytest.fail("it trained"))
    code, output, errors = run("corpus.txt", "--vocab-size", 300, "--out", "t.json", "--pattern", r"\w+|\W+")
    assert (code, output) == (2, "")
    assert "other libraries may interpret it differently" in errors


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_named_patterns_can_be_saved(run, pattern):
    assert run("corpus.txt", "--vocab-size", 300, "--out", "t.json", "--pattern", pattern)[0] == 0
    assert Tokenizer.load("t.json").pattern == PATTERNS[pattern]


def test_training_on_a_short_text_does_not_load_numba(run, tmp_path):
    program = (
        "import sys; from bpe.cli import main; "
        "code = main(['train', 'other.txt', '--vocab-size=300', '--out=t.json']); "
        "sys.exit(code or 'numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
