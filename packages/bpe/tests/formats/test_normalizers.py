import json

import pytest
from hypothesis import given, settings, strategies as st

from bpe import Tokenizer, TokenizerFileError

from ..conftest import END, SCRIPTS
from .conftest import STABLE, stable_texts

EMPTY = {"type": "Sequence", "normalizers": []}
NFC, NFD, NFKC, NFKD, LOWERCASE = ({"type": name} for name in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase"))
PREPEND = {"type": "Prepend", "prepend": "▁"}


def replace(pattern, content):
    return {"type": "Replace", "pattern": pattern, "content": content}


def sequence(*steps):
    return {"type": "Sequence", "normalizers": list(steps)}


NORMALIZERS = [
    EMPTY,
    NFC,
    NFD,
    NFKC,
    NFKD,
    LOWERCASE,
    PREPEND,
    sequence(EMPTY, sequence(NFC)),
    sequence(NFD, LOWERCASE, NFC),
    sequence(PREPEND, replace({"String": " "}, "▁")),
    replace({"String": "..."}, "…"),
    sequence(replace({"String": "a"}, "\u0301"), NFC),
    sequence(replace({"String": "a"}, ""), NFC),
    sequence(NFKC, replace({"Regex": r"\s+"}, " "), LOWERCASE),
    sequence(NFD, replace({"Regex": r"\p{M}"}, "")),
    replace({"Regex": r"(a)|\d"}, r"\1"),
    {"type": "Strip", "strip_left": True, "strip_right": True},
    {"type": "Strip", "strip_left": False, "strip_right": True},
    sequence({"type": "Strip", "strip_left": True, "strip_right": False}, PREPEND),
]


@pytest.mark.parametrize("normalizer", NORMALIZERS, ids=lambda normalizer: json.dumps(normalizer)[:60])
def test_ids_equal_those_of_the_tokenizers_library(load_both, normalizer):
    both = load_both(normalizer=normalizer)

    @settings(max_examples=40)
    @given(text=stable_texts())
    def check(text):
        both.check(text)

    check()
    both.check(f"{SCRIPTS}{END}{SCRIPTS[::-1]}")


@settings(max_examples=20)
@given(steps=st.lists(st.sampled_from(NORMALIZERS), max_size=4), text=stable_texts())
def test_sequences_of_steps(load_both, steps, text):
    load_both(normalizer=sequence(*steps)).check(text)


@settings(max_examples=40)
@given(text=st.lists(st.sampled_from(["a", " ", "\n", "\u1100", "\u1161", "e"]) | STABLE, max_size=400).map("".join))
def test_long_texts_are_normalized_in_parts(load_both, text):
    """A stream collects some thousand characters before it searches for a place to cut."""
    ours = load_both(normalizer=NFC).ours
    text *= 40
    chunks = [text[i : i + 1001] for i in range(0, len(text), 1001)]
    assert list(ours.encode_iterable(chunks)) == ours.encode(text)


@pytest.mark.parametrize("engine", ["reference", "compiled"])
@pytest.mark.parametrize("pattern", ["gpt2", "cl100k", r"\p{L}+"])
def test_both_engines_and_files(load_both, tmp_path, engine, pattern):
    loaded = load_both(normalizer=sequence(NFC, LOWERCASE)).ours
    parts = loaded.vocab, loaded.merges, loaded.special_tokens
    ours = Tokenizer(*parts, pattern=pattern, rules=loaded.rules, engine=engine)
    text = (SCRIPTS + END) * 30
    path = tmp_path / "text.txt"
    path.write_bytes(text.encode())
    ids = Tokenizer(*parts, pattern=pattern, rules=loaded.rules).encode(text)
    assert ours.encode_file_to_numpy(path, num_threads=2).tolist() == ids
    assert ours.encode_to_numpy(text).tolist() == ours.encode_batch([text, "A"])[0] == ids
    assert ours.count_tokens(text) == len(ids)


def test_a_surrogate_is_reported_where_it_is_in_the_text(load_both):
    ours = load_both(normalizer=NFKC).ours
    for encode in (ours.encode, lambda text: list(ours.encode_iterable(text))):
        with pytest.raises(ValueError, match=r"surrogate .* at character 3"):
            encode("ﷺﷺa\ud800")


def test_what_other_files_cannot_express_is_an_error(load_both, tmp_path):
    ours = load_both(normalizer=NFC).ours
    with pytest.raises(ValueError, match=r"has a normalizer, which vocab\.json and merges\.txt cannot express"):
        ours.save_gpt2(tmp_path / "vocab.json", tmp_path / "merges.txt")
    with pytest.raises(ValueError, match=r"has a normalizer, which a \.tiktoken file cannot express"):
        ours.save_tiktoken(tmp_path / "ranks.tiktoken")


@pytest.mark.parametrize(
    ("normalizer", "message"),
    [
        ({"type": "BertNormalizer"}, "its normalizer has a step of type 'BertNormalizer'"),
        ({"type": "Precompiled", "precompiled_charsmap": ""}, "has a step of type 'Precompiled'"),
        (sequence(NFC, {"type": "ByteLevel"}), "has a step of type 'ByteLevel'"),
        ({"type": "Replace"}, "a Replace with missing or wrong fields"),
        (replace({"String": ""}, "a"), "replaces the empty string"),
        (replace({"String": "a", "Regex": "a"}, "b"), "a Replace with missing or wrong fields"),
        (replace({"Regex": "a*"}, "b"), "match the empty text"),
        (replace({"Regex": r"\w"}, "b"), "may interpret it differently"),
        (replace({"String": "a"}, "b" * 257), "inserts 257 characters"),
        ({"type": "Strip", "strip_left": 1, "strip_right": False}, "a Strip with missing or wrong fields"),
    ],
)
def test_what_cannot_be_reproduced_is_an_error(load_both, normalizer, message):
    with pytest.raises(TokenizerFileError, match=message):
        load_both(normalizer=normalizer)
