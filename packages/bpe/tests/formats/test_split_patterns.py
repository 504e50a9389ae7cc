import json

import pytest
import tokenizers

from bpe import PATTERNS, Tokenizer, TokenizerFileError

from ..conftest import SCRIPTS

BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}


def split(pattern, behavior="Isolated", invert=False, byte_level=BYTE_LEVEL):
    splitter = {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}
    return {"type": "Sequence", "pretokenizers": [splitter, byte_level]}


def without(field):
    return {name: value for name, value in BYTE_LEVEL.items() if name != field}


@pytest.fixture
def write(trained, tmp_path):
    """Write a tokenizer.json with this pre-tokenizer."""

    def write(pre_tokenizer):
        path = tmp_path / "tokenizer.json"
        Tokenizer(*trained).save(path)
        content = json.loads(path.read_text("utf-8")) | {"pre_tokenizer": pre_tokenizer}
        path.write_text(json.dumps(content), "utf-8")
        return path

    return write


FIRST_SPELLING = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


@pytest.mark.parametrize(
    ("pre_tokenizer", "pattern"),
    [
        (BYTE_LEVEL, r"[\s\S]+"),
        (BYTE_LEVEL | {"use_regex": True}, PATTERNS["gpt2"]),
        (without("use_regex"), PATTERNS["gpt2"]),
        ({"type": "Sequence", "pretokenizers": [without("use_regex")]}, PATTERNS["gpt2"]),
        (split({"Regex": PATTERNS["cl100k"]}), PATTERNS["cl100k"]),
        (split({"Regex": PATTERNS["cl100k"]}, invert=True), PATTERNS["cl100k"]),
        (split({"Regex": PATTERNS["cl100k"]}, "Removed", invert=True), PATTERNS["cl100k"]),
        (split({"Regex": PATTERNS["o200k"]}, byte_level=BYTE_LEVEL | {"trim_offsets": False}), PATTERNS["o200k"]),
        (split({"Regex": FIRST_SPELLING}), PATTERNS["gpt2"]),
        (split({"Regex": FIRST_SPELLING}, "Removed", invert=True), PATTERNS["gpt2"]),
        (split({"String": " "}), r"\ "),
        (split({"String": "e."}), r"e\."),
        (split({"Regex": "gpt2"}), "(?:gpt2)"),
    ],
)
def test_what_means_the_same_is_read(write, pre_tokenizer, pattern):
    path = write(pre_tokenizer)
    ours = Tokenizer.load(path)
    assert ours.pattern == pattern
    theirs = tokenizers.Tokenizer.from_file(str(path))
    text = SCRIPTS + " The gpt2 file. Here e.g. gpt2gpt2   \n"
    assert ours.encode(text) == theirs.encode(text).ids
    ours.save(path)
    assert Tokenizer.load(path).fingerprint == ours.fingerprint


@pytest.mark.parametrize(
    ("pre_tokenizer", "message"),
    [
        (None, "pre_tokenizer is neither"),
        ([], "pre_tokenizer is neither"),
        ({"type": "Sequence", "pretokenizers": []}, "pre_tokenizer is neither"),
        ({"type": "Sequence", "pretokenizers": [without("use_regex")] * 2}, "pre_tokenizer is neither"),
        ({"type": "Sequence", "pretokenizers": {"type": "ByteLevel"}}, "pre_tokenizer is neither"),
        (BYTE_LEVEL | {"add_prefix_space": True}, "pre_tokenizer is neither"),
        (BYTE_LEVEL | {"use_regex": None}, "pre_tokenizer is neither"),
        (without("add_prefix_space"), "pre_tokenizer is neither"),
        (split({"Regex": r"\s+"}, byte_level=without("use_regex")), "pre_tokenizer is neither"),
        (split({"Regex": r"\s+"}, byte_level=BYTE_LEVEL | {"use_regex": True}), "pre_tokenizer is neither"),
        (split({"Regex": r"\s+"}, "Removed"), "pre_tokenizer is neither"),
        (split({"Regex": r"\s+"}, "Removed", invert=True), "pre_tokenizer is neither"),  # would lose the rest
        (split({"Regex": r"\s+"}, "MergedWithNext"), "pre_tokenizer is neither"),
        (split({"Regex": r"\s+"}, "Contiguous"), "pre_tokenizer is neither"),
        (split({"Regex": r"\s+"}, invert=None), "pre_tokenizer is neither"),
        (split({"String": ""}), "neither a Regex nor a String"),
        (split({"Regex": 7}), "neither a Regex nor a String"),
        (split({"Regex": "a", "String": "a"}), "neither a Regex nor a String"),
        (split({"Regex": r"\w+|\W"}), r"has '\\\\w\+\|\\\\W' at character 0"),
        (split({"Regex": "("}), r"split pattern '\(' is neither"),
    ],
)
def test_anything_else_is_refused(write, pre_tokenizer, message):
    with pytest.raises(TokenizerFileError, match=r"tokenizer\.json: .*" + message):
        Tokenizer.load(write(pre_tokenizer))


def test_a_pattern_that_others_may_read_differently_is_not_written(trained, tmp_path):
    with pytest.raises(ValueError, match="may read that differently"):
        Tokenizer(*trained, pattern=r"\w+|\W").save(tmp_path / "tokenizer.json")
    assert list(tmp_path.iterdir()) == []
