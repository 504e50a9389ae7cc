import json

import pytest
import tokenizers
from hypothesis import given, settings, strategies as st

from bpe import Tokenizer, TokenizerFileError
from bpe.added_tokens import AddedToken
from bpe.normalizers import Replace
from bpe.text_rules import TextRules

from ..conftest import END, SCRIPTS
from .conftest import added, stable_texts

MASKS = ["<mask>", "<s>", "a", "ab", " ", "  ", "\n", "Qb", "éa", "Σ", " the", "_x_"]
OPTIONS = ("special", "lstrip", "rstrip", "single_word", "normalized")


@st.composite
def added_tokens(draw):
    contents = draw(st.lists(st.sampled_from(MASKS), min_size=1, max_size=5, unique=True))
    return [added(content, **{option: draw(st.booleans()) for option in OPTIONS}) for content in contents]


REPLACE = {"type": "Replace", "pattern": {"String": " "}, "content": "z"}
LOWERCASE = {"type": "Lowercase"}
STRIP = {"type": "Strip", "strip_left": True, "strip_right": True}
NORMALIZERS = [None, {"type": "NFD"}, {"type": "Prepend", "prepend": "▁"}, REPLACE]


@settings(max_examples=60)
@given(
    tokens=added_tokens(),
    normalizer=st.sampled_from(NORMALIZERS),
    prefix=st.booleans(),
    text=stable_texts(*MASKS, " <mask> ", "x<mask>y", "<s>  <s>"),
)
def test_every_combination_of_options(load_both, tokens, normalizer, prefix, text):
    pre_tokenizer = {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": False, "use_regex": True}
    load_both(tokens, normalizer=normalizer, pre_tokenizer=pre_tokenizer).check(text)


@settings(max_examples=30)
@given(tokens=added_tokens(), text=st.lists(st.sampled_from([*MASKS, "x", "  \n"]), max_size=60).map("".join))
def test_texts_that_consist_of_tokens(load_both, tokens, text):
    load_both(tokens, normalizer=LOWERCASE).check(text)


@pytest.mark.parametrize("text", [" ", "  ", "   ", "a  b", "<x>   b", "<x> <x>  "])
def test_tokens_of_spaces_within_the_spaces_of_another_token(load_both, text):
    load_both([added(" ", lstrip=True, rstrip=True), added("<x>", rstrip=True)]).check(text)
    load_both([added("  "), added("<x>", rstrip=True, lstrip=True)]).check(text)


@settings(max_examples=10)
@given(tokens=added_tokens(), text=st.lists(st.sampled_from([*MASKS, "x", "yz", "  \n"]), max_size=60).map("".join))
def test_long_streams(load_both, tokens, text):
    ours = load_both(tokens).ours
    text = f"{text} word" * 100
    chunks = [text[i : i + 997] for i in range(0, len(text), 997)]
    assert list(ours.encode_iterable(chunks)) == ours.encode(text)


def test_tokens_that_are_not_special(load_both):
    """They are always found, and `special_tokens` does not contain them."""
    tokens = [added("<tool>"), added("  ", normalized=True), added("<mask>", special=True, lstrip=True)]
    ours, theirs = load_both(tokens)
    text = f"a <mask>  b<tool>{END}"
    assert set(ours.special_tokens) == {END, "<mask>"}
    assert [token.content for token in ours.added_tokens] == [END, "<tool>", "  ", "<mask>"]
    assert ours.encode(text) == theirs.encode(text).ids
    theirs.encode_special_tokens = True  # which means: as ordinary text
    assert ours.encode_ordinary(text) == theirs.encode(text).ids
    assert ours.encode("a  b", allowed_special=(), disallowed_special="all") == theirs.encode("a  b").ids
    with pytest.raises(ValueError, match="contains the special token '<mask>' at character 2"):
        ours.encode(text, allowed_special={END}, disallowed_special="all")
    with pytest.raises(ValueError, match="'<tool>', which is not a special token of this tokenizer"):
        ours.encode(text, allowed_special={"<tool>"})


@pytest.mark.parametrize("options", [{}, {"lstrip": True}, {"normalized": True}])
def test_both_engines(load_both, tmp_path, options):
    loaded = load_both([added("<mask>", **options), added("  ")]).ours
    path = tmp_path / "text.txt"
    path.write_bytes(f"{SCRIPTS}  <mask>  {END}{SCRIPTS}".encode() * 10)
    text = path.read_bytes().decode()
    ids = loaded.encode(text)
    specials = {token: loaded.special_tokens[token] for token in [END]}
    compiled = Tokenizer(loaded.vocab, loaded.merges, specials, rules=loaded.rules, engine="compiled")
    assert compiled.fingerprint == loaded.fingerprint
    assert compiled.encode(text) == compiled.encode_batch([text])[0] == ids
    assert compiled.encode_file_to_numpy(path, num_threads=2).tolist() == ids
    assert compiled.encode_ordinary(text) == loaded.encode_ordinary(text)


@pytest.mark.parametrize(
    ("tokens", "normalizer", "message"),
    [
        (
            [added("QA", normalized=True), added("Qa", normalized=True)],
            {"type": "Lowercase"},
            "'QA' and 'Qa' are the same after normalization",
        ),
        (
            [added("  ", normalized=True)],
            {"type": "Strip", "strip_left": True, "strip_right": True},
            "nothing is left of the added token '  ' after normalization",
        ),
        ([added("<x>", id=2000)], None, "the id 2000, for which the library takes 407"),
        ([added("<x>", special="yes")], None, "its added token '<x>' has special = 'yes': give true or false"),
    ],
)
def test_what_cannot_be_reproduced_is_an_error(load_both, tokens, normalizer, message):
    with pytest.raises(TokenizerFileError, match=message):
        load_both(tokens, normalizer=normalizer)


def test_options_are_part_of_the_fingerprint_where_they_change_ids(load_both, tmp_path):
    def fingerprint(**options):
        return load_both([added("<mask>", **options)]).ours.fingerprint

    assert fingerprint() == fingerprint(special=True) == fingerprint(normalized=True)
    assert len({fingerprint(), fingerprint(lstrip=True), fingerprint(single_word=True)}) == 3


def test_options_are_saved(load_both, tmp_path):
    token = added("<mask>", special=True, lstrip=True, single_word=True)
    load_both([token]).ours.save(tmp_path / "tokenizer.json")
    written = json.loads((tmp_path / "tokenizer.json").read_text("utf-8"))["added_tokens"][-1]
    assert written == token | {"id": 407}


def without_byte(single_word, normalizer=()):
    """A tokenizer in which the byte 0 has no token but an added one."""
    vocab = {byte: bytes([byte]) for byte in range(256)}
    rules = TextRules(added_tokens=(AddedToken("\x00", 0, single_word=single_word),), normalizer=normalizer)
    return Tokenizer(vocab, [], rules=rules)


@pytest.mark.parametrize(
    ("single_word", "normalizer"),
    [(True, ()), (False, (Replace("x", "\x00"),))],
    ids=["in words", "made by a normalizer"],
)
def test_a_byte_that_only_an_added_token_has_cannot_be_saved(tmp_path, single_word, normalizer):
    """The library drops it where it does not find the token."""
    with pytest.raises(ValueError, match=r"'\\x00' is the only token of a byte"):
        without_byte(single_word, normalizer).save(tmp_path / "tokenizer.json")


def test_a_file_with_such_a_byte_is_refused(tmp_path):
    path = tmp_path / "tokenizer.json"
    without_byte(False).save(path)
    ours, library = Tokenizer.load(path), tokenizers.Tokenizer.from_file(str(path))
    assert ours.encode("\x00c") == library.encode("\x00c").ids
    content = json.loads(path.read_text("utf-8"))
    content["added_tokens"][0]["single_word"] = True
    path.write_text(json.dumps(content), "utf-8")
    with pytest.raises(TokenizerFileError, match=r"json: the added token '\\x00' is the only token of a byte"):
        Tokenizer.load(path)
