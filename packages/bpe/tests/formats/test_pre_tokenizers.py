import json

import pytest
import tokenizers
from hypothesis import given, settings

from bpe import PATTERNS, Tokenizer, TokenizerFileError
from bpe.pre_tokenizers import SplitSteps

from ..conftest import END, SCRIPTS
from .conftest import stable_texts

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


SPLIT_FIELDS = "has a Split with missing or wrong fields"


@pytest.mark.parametrize(
    ("pre_tokenizer", "message"),
    [
        (None, r"has 0 steps of type ByteLevel, not one \(none\)"),
        ([], r"its pre_tokenizer has \[\] where an object with a type is expected"),
        (sequence(sequence(), sequence()), r"has 0 steps of type ByteLevel, not one \(none\)"),
        (sequence(None, BYTE_LEVEL), "its pre_tokenizer has None where an object"),
        (sequence(BYTE_LEVEL, {"type": "FixedLength", "length": 5}), "has a step of type 'FixedLength'"),
        (sequence({"type": "Metaspace"}), "has a step of type 'Metaspace'"),
        (
            sequence(without("use_regex"), BYTE_LEVEL),
            r"has 2 steps of type ByteLevel, not one \(ByteLevel, ByteLevel\)",
        ),
        (sequence(SPLIT), r"has 0 steps of type ByteLevel, not one \(Split\)"),
        ({"type": "Sequence", "pretokenizers": {"type": "ByteLevel"}}, "has no list of pretokenizers"),
        (BYTE_LEVEL | {"use_regex": None}, "a ByteLevel with missing or wrong fields .*use_regex = None"),
        (split({"Regex": r"\s+"}, invert=None), SPLIT_FIELDS + ".*invert = None"),
        (split({"Regex": r"\s+"}, "Merged"), SPLIT_FIELDS + ".*behavior = 'Merged'"),
        (sequence({"type": "Split"}, BYTE_LEVEL), SPLIT_FIELDS + r" \(none\)"),
        (sequence({"type": "Digits"}, BYTE_LEVEL), r"has a Digits with missing or wrong fields \(none\)"),
        (sequence({"type": "Punctuation", "behavior": 1}, BYTE_LEVEL), "has a Punctuation with missing or wrong"),
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


DIGITS, DIGIT_RUNS = ({"type": "Digits", "individual_digits": individual} for individual in (True, False))
PREFIX = BYTE_LEVEL | {"add_prefix_space": True}
DEEPSEEK = sequence(
    SPLIT | {"pattern": {"Regex": r"\p{N}{1,3}"}},
    SPLIT | {"pattern": {"Regex": "[一-龥\u3040-ゟ゠-ヿ]+"}},
    SPLIT
    | {
        "pattern": {
            "Regex": r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
            r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
        }
    },
    BYTE_LEVEL,
)
FALCON = sequence(
    {"type": "Punctuation", "behavior": "Contiguous"},
    without("use_regex"),
    DIGIT_RUNS,
    SPLIT | {"pattern": {"Regex": "[0-9][0-9][0-9]"}},
)
BLOOM = split({"Regex": " ?[^(\\s|[.,!?…。，、।۔،])]+"})
BEHAVIORS = ["Isolated", "Removed", "Contiguous", "MergedWithPrevious", "MergedWithNext"]


@pytest.mark.parametrize(
    "pre_tokenizer",
    [
        DEEPSEEK,
        FALCON,
        BLOOM,
        sequence(DIGITS, without("use_regex")),
        sequence(DIGIT_RUNS, PREFIX),
        sequence(without("use_regex"), DIGITS),
        sequence({"type": "Whitespace"}, BYTE_LEVEL),
        sequence({"type": "WhitespaceSplit"}, PREFIX | {"use_regex": True}),
        sequence({"type": "Punctuation"}, BYTE_LEVEL),
        sequence({"type": "CharDelimiterSplit", "delimiter": "."}, BYTE_LEVEL),
        PREFIX | {"use_regex": True},
        PREFIX,
        sequence(PREFIX, SPLIT),
        sequence(SPLIT, BYTE_LEVEL | {"use_regex": True}),
        *(split({"Regex": r"\s|[aeiou]+"}, behavior, invert) for behavior in BEHAVIORS for invert in (False, True)),
        *(split({"String": "."}, behavior) for behavior in BEHAVIORS),
    ],
    ids=lambda pre_tokenizer: str(pre_tokenizer)[:60],
)
def test_steps(load_both, pre_tokenizer):
    both = load_both(pre_tokenizer=pre_tokenizer)

    @settings(max_examples=40)
    @given(text=stable_texts("(a|b)", "۔", "123456", "...", ". .a"))
    def check(text):
        both.check(text)

    check()
    both.check(f"{SCRIPTS}{END}{SCRIPTS[::-1]}")


@pytest.mark.parametrize("pre_tokenizer", [DEEPSEEK, FALCON, PREFIX | {"use_regex": True}])
def test_both_engines(load_both, tmp_path, pre_tokenizer):
    ours = load_both(pre_tokenizer=pre_tokenizer).ours
    path = tmp_path / "text.txt"
    path.write_bytes(f"{SCRIPTS}{END}".encode() * 20)
    text = path.read_bytes().decode()
    ids = ours.encode(text)
    parts = ours.vocab, ours.merges, ours.special_tokens
    steps = ours._pattern
    pattern = steps if isinstance(steps, SplitSteps) else ours.pattern
    compiled = Tokenizer(*parts, pattern=pattern, rules=ours.rules, engine="compiled")
    assert compiled.fingerprint == ours.fingerprint
    assert compiled.encode(text) == ids
    assert compiled.encode_file_to_numpy(path, num_threads=2).tolist() == ids
    assert list(compiled.encode_iterable(text[i : i + 100] for i in range(0, len(text), 100))) == ids


def test_steps_are_not_written_to_other_files(load_both, tmp_path):
    ours = load_both(pre_tokenizer=DEEPSEEK).ours
    with pytest.raises(ValueError, match="has several split steps"):
        ours.save_tiktoken(tmp_path / "ranks.tiktoken")


def test_a_pattern_that_libraries_interpret_differently_is_not_written(trained, tmp_path):
    with pytest.raises(ValueError, match="may interpret it differently"):
        Tokenizer(*trained, pattern=r"\w+|\W").save(tmp_path / "tokenizer.json")
    assert list(tmp_path.iterdir()) == []
