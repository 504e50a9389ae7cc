"""Encoding by split pattern: the ids are compared with those of other libraries, whatever the speed."""

import pytest

pytest.importorskip("numba", reason="needs numba")
from benchmarks.tokenizer import gpt2_files, patterns
from benchmarks.tokenizer.split_patterns import SPLIT_PATTERNS

TEXT = "I'll take 1234 apples, she said.\n\n  And then (it's true) 7 more!\n" * 4


@pytest.fixture(scope="module")
def files():
    return gpt2_files.find(None, None)


@pytest.mark.parametrize("name", ["Qwen 2 and 3", "DeepSeek V3", "Falcon", "BLOOM"])
def test_all_ways_to_encode_give_the_same_ids(files, name):
    found = patterns.measure(SPLIT_PATTERNS[name], TEXT, files, 1)
    assert ("tiktoken" in found) == (len(SPLIT_PATTERNS[name]) == 1)
    different = {way for way, measured in found.items() if not measured.is_equal}
    # What BLOOM's pattern does not match is dropped by tiktoken.
    assert different == ({"tiktoken", "tiktoken, lists"} if name == "BLOOM" else set())
    assert all(measured.speed > 0 and measured.ratio > 0 for measured in found.values())


def test_the_table_and_the_page(tmp_path, monkeypatch, capsys):
    corpus = tmp_path / "novels.txt"
    corpus.write_text(TEXT)
    monkeypatch.setattr(patterns, "_PAGE", tmp_path / "patterns.md")
    names = ["StarCoder, SmolLM, Command R"]
    chosen = [word for name in names for word in ("--pattern", name)]
    patterns.main(["--corpus", str(corpus), "--megabytes", "1", "--repetitions", "1", "--write-docs", *chosen])
    rows = capsys.readouterr().out.splitlines()[-1:]
    assert [row.split(" | ")[0] for row in rows] == [f"| {name}" for name in names]
    assert rows[0].split(" | ")[4:6] == ["", ""]  # tiktoken has no steps
    page = (tmp_path / "patterns.md").read_text("utf-8")
    assert page.endswith("\n")
    assert all(row in page for row in rows)
    assert str(tmp_path) not in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--corpus", "missing.txt"], "--corpus is missing.txt, which is not a file"),
        (["--corpus", __file__, "--pattern", "x"], "--pattern is 'x': give one of GPT-2"),
    ],
)
def test_wrong_options(arguments, message):
    with pytest.raises(ValueError, match=message):
        patterns.main(arguments)
