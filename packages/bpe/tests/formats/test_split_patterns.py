import json

import pytest
import tokenizers

from bpe import PATTERNS, Tokenizer, TokenizerFileError

from ..conftest import SCRIPTS

BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}


def split(pattern, behavior="Isolated", invert=False, byte_level=BYTE_LEVEL):
    splitter = {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}
    return {"type": "Sequence", "pretokenizers": [splitter, byte_level]}


def sequence(*steps):
    return {"type": "Sequence", "pretokenizers": list(steps)}


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


SPLIT = {"type": "Split", "pattern": {"Regex": r"\s+"}, "behavior": "Isolated", "invert": False}
FIRST_SPELLING = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


@pytest.mark.parametrize(
    ("pre_tokenizer", "pattern"),
    [
        (BYTE_LEVEL, r"[\s\S]+"),
        (BYTE_LEVEL | {"use_regex": True}, PATTERNS["gpt2"]),
        (without("use_regex"), PATTERNS["gpt2"]),
        (sequence(without("use_regex")), PATTERNS["gpt2"]),
        (sequence(sequence(), sequence(without("use_regex")), sequence()), PATTERNS["gpt2"]),
        (sequence(split({"Regex": PATTERNS["cl100k"]})), PATTERNS["cl100k"]),
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
def test_equivalent_pre_tokenizers_are_read(write, pre_tokenizer, pattern):
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
        (None, "does not end with ByteLevel"),
        ([], r"its pre_tokenizer has \[\] where an object with a type is expected"),
        (sequence(), "does not end with ByteLevel"),
        (sequence(sequence(), sequence()), "does not end with ByteLevel"),
        (sequence(None, BYTE_LEVEL), "its pre_tokenizer has None where an object"),
        (sequence(BYTE_LEVEL, {"type": "Digits", "individual_digits": True}), "has a step of type 'Digits'"),
        (sequence({"type": "Metaspace"}), "has a step of type 'Metaspace'"),
        (sequence(without("use_regex"), without("use_regex")), r"splits in 2 steps \(ByteLevel, ByteLevel\)"),
        (sequence(SPLIT, SPLIT, BYTE_LEVEL), r"splits in 3 steps \(Split, Split, ByteLevel\)"),
        (sequence(SPLIT), "does not end with ByteLevel"),
        (sequence(BYTE_LEVEL, SPLIT), "does not end with ByteLevel"),
        ({"type": "Sequence", "pretokenizers": {"type": "ByteLevel"}}, "has no list of pretokenizers"),
        (BYTE_LEVEL | {"add_prefix_space": True}, "a ByteLevel with add_prefix_space = True"),
        (BYTE_LEVEL | {"use_regex": None}, "a ByteLevel with use_regex = None"),
        (without("add_prefix_space"), "a ByteLevel with add_prefix_space = True"),
        (
            split({"Regex": r"\s+"}, byte_level=without("use_regex")),
            "use_regex = true, which splits again",
        ),
        (split({"Regex": r"\s+"}, byte_level=BYTE_LEVEL | {"use_regex": True}), "a ByteLevel with use_regex = true"),
        (split({"Regex": r"\s+"}, "Removed"), "a Split with behavior = 'Removed' and invert = False"),
        (split({"Regex": r"\s+"}, "Removed", invert=True), "and a pattern that may not match everything"),
        (split({"Regex": r"\s+"}, "MergedWithNext"), "a Split with behavior = 'MergedWithNext' and invert = False"),
        (split({"Regex": r"\s+"}, "Contiguous"), "a Split with behavior = 'Contiguous' and invert = False"),
        (split({"Regex": r"\s+"}, invert=None), "a Split with behavior = 'Isolated' and invert = None"),
        (sequence({"type": "Split"}, BYTE_LEVEL), "a Split with behavior = None and invert = None"),
        (split({"String": ""}), "neither a Regex nor a String"),
        (split({"Regex": 7}), "neither a Regex nor a String"),
        (split({"Regex": "a", "String": "a"}), "neither a Regex nor a String"),
        (split({"Regex": r"\w+|\W"}), r"has '\\\\w\+\|\\\\W' at character 0"),
        (split({"Regex": "("}), r"split pattern '\(' is neither"),
    ],
)
def test_anything_else_is_an_error(write, pre_tokenizer, message):
    with pytest.raises(TokenizerFileError, match=r"tokenizer\.json: .*" + message):
        Tokenizer.load(write(pre_tokenizer))


def test_a_pattern_that_libraries_interpret_differently_is_not_written(trained, tmp_path):
    with pytest.raises(ValueError, match="may interpret it differently"):
        Tokenizer(*trained, pattern=r"\w+|\W").save(tmp_path / "tokenizer.json")
    assert list(tmp_path.iterdir()) == []
