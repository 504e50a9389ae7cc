import json

import pytest
import tokenizers
from hypothesis import given

from bpe import PATTERNS, Tokenizer, TokenizerFileError

from ..conftest import END, SCRIPTS, texts


@pytest.fixture(scope="session")
def saved(tokenizer, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "tokenizer.json"
    tokenizer.save(path)
    return path


@pytest.fixture(scope="session")
def peer(saved):
    return tokenizers.Tokenizer.from_file(str(saved))


@given(text=texts())
def test_the_tokenizers_library_gives_equal_ids(peer, tokenizer, text):
    text = text.encode("ascii", errors="ignore").decode() + SCRIPTS  # Unicode versions differ in rare characters
    ids = tokenizer.encode(text)
    assert peer.encode(text).ids == ids
    assert peer.decode(ids, skip_special_tokens=False) == text


@pytest.mark.parametrize("pattern", [*PATTERNS, r"\p{L}+"])
def test_the_tokenizers_library_on_the_corpus_with_every_pattern(trained, corpus, tmp_path, pattern):
    ours = Tokenizer(*trained, [END], pattern=pattern)
    ours.save(tmp_path / "tokenizer.json")
    theirs = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    text = corpus.read_bytes().decode()
    assert theirs.encode(text).ids == ours.encode(text)
    again = Tokenizer.load(tmp_path / "tokenizer.json")
    assert again.fingerprint == ours.fingerprint


def test_several_special_tokens_in_the_tokenizers_library(trained, tmp_path):
    """Appended ones, overlapping ones, one with a space and one that is not ASCII."""
    ours = Tokenizer(*trained, [END + END, END, "<|end of turn|>", "<｜begin｜>"])
    ours.save(tmp_path / "tokenizer.json")
    theirs = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    text = f"a{END}{END}{END} b<|end of turn|><｜begin｜>c <|end"
    assert theirs.encode(text).ids == ours.encode(text)
    assert Tokenizer.load(tmp_path / "tokenizer.json").encode(text) == ours.encode(text)


def test_a_tokenizer_json_of_the_tokenizers_library(corpus, tmp_path):
    """Trained and written by them, read by us."""
    theirs = tokenizers.ByteLevelBPETokenizer()
    theirs.train([str(corpus)], vocab_size=600, special_tokens=[END], show_progress=False)
    theirs.save(str(tmp_path / "theirs.json"))
    ours = Tokenizer.load(tmp_path / "theirs.json")
    assert ours.special_tokens == {END: 0}
    assert ours.encode(SCRIPTS + END) == theirs.encode(SCRIPTS + END).ids


def test_merges_written_as_strings_are_read(saved, tokenizer, tmp_path):
    content = json.loads(saved.read_text("utf-8"))
    content["model"]["merges"] = [" ".join(pair) for pair in content["model"]["merges"]]
    (tmp_path / "old.json").write_text(json.dumps(content), "utf-8")
    assert Tokenizer.load(tmp_path / "old.json").fingerprint == tokenizer.fingerprint


def change(content, keys, value):
    *parents, last = keys
    for key in parents:
        content = content[key]
    content[last] = value


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (["model", "type"], "WordPiece", "model is 'WordPiece', not 'BPE'"),
        (["model", "ignore_merges"], 1, "ignore_merges = 1"),
        (["model", "byte_fallback"], True, "byte_fallback = True"),
        (["model", "dropout"], 0.1, "dropout = 0.1"),
        (["normalizer"], {"type": "Nmt"}, "normalizer has a step of type 'Nmt', so its ids could not be reproduced"),
        (
            ["normalizer"],
            {"type": "Sequence", "normalizers": [{"type": "Sequence", "normalizers": []}, {"type": "Prepend"}]},
            "its normalizer has a Prepend with missing or wrong fields",
        ),
        (["normalizer"], {"type": "Sequence", "normalizers": [None]}, "its normalizer has None where an object"),
        (["normalizer"], {"type": "Sequence"}, "a Sequence in its normalizer has no list of normalizers"),
        (["normalizer"], [], r"its normalizer has \[\] where an object with a type is expected"),
        (["normalizer"], {}, r"its normalizer has \{\} where an object with a type is expected"),
        (
            ["pre_tokenizer"],
            {"type": "Whitespace"},
            r"its pre_tokenizer has 0 steps of type ByteLevel, not one \(Whitespace\)",
        ),
        (["pre_tokenizer"], None, r"its pre_tokenizer has 0 steps of type ByteLevel, not one \(none\)"),
        (
            ["pre_tokenizer", "add_prefix_space"],
            1,
            "has a ByteLevel with missing or wrong fields .add_prefix_space = 1",
        ),
        (["added_tokens", 0, "lstrip"], "yes", "has lstrip = 'yes': give true or false"),
        (["added_tokens", 0, "content"], 7, "'content' is missing"),
        (["added_tokens"], ["x"], "'added_tokens' is not a list of objects"),
        (["added_tokens"], {"a": 1}, "'added_tokens' is not a list of objects"),
        (["added_tokens"], 7, "'added_tokens' is not a list of objects"),
        (["added_tokens", 0, "content"], "", "an added token is empty"),
        (["added_tokens", 0, "content"], "x\udc00", "cannot be encoded in UTF-8"),
        (
            ["added_tokens"],
            [{"id": 1200, "content": "x" * 257}],
            "the 1 special tokens have 257 characters",
        ),
        (["added_tokens"], [{"id": 0, "content": END}] * 2, r"the added token '<\|endoftext\|>' is given twice"),
        (["added_tokens", 0, "id"], 97, r"id 97 is assigned to '<\|endoftext\|>' and to b'`'"),
        (["added_tokens", 0, "id"], 5000, r"'<\|endoftext\|>' has the ids 5000 and 0"),
        (["model", "vocab", "\ud800"], 5000, "cannot be encoded in UTF-8"),
        (["model", "merges", 1], ["zq", "qz"], "merge 1 makes b'zqqz', which is not in the vocabulary"),
        (
            ["pre_tokenizer"],
            {
                "type": "Sequence",
                "pretokenizers": [
                    {"type": "Split", "pattern": {"Regex": "("}, "behavior": "Isolated", "invert": False},
                    {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False},
                ],
            },
            r"wrong\.json: split pattern '\(' is neither",
        ),
        (["model"], [], "'model' is missing or not of type dict"),
        (["model", "vocab"], [], "'vocab' is missing or not of type dict"),
        (["model", "vocab", "a"], -1, "'a' has the id -1"),
        (["model", "vocab", "a"], 2**40, "'a' has the id 1099511627776; ids go from 0 to 16777215"),
        (["model", "vocab", "a"], 2**24, "'a' has the id 16777216; ids go from 0 to 16777215"),
        (["model", "vocab", "a"], 7.0, "'a' has the id 7.0"),
        (["model", "vocab", "a" * 70_000], 5000, "has 70000 bytes; tokens have at most 65536"),
        (["model", "vocab", "a"], "7", "'a' has the id '7'"),
        (["model", "vocab", "a"], True, "'a' has the id True"),
        (["model", "vocab", "a"], 3, "id 3 is assigned to"),
        (["model", "merges", 1], ["a"], r"merge 1: expected two tokens, found \['a'\]"),
        (["model", "merges", 1], {"a": 1, "b": 2}, r"merge 1: expected two tokens, found \{'a': 1, 'b': 2\}"),
        (["model", "merges", 1], ["a", ""], r"merge 1: expected two tokens, found \['a', ''\]"),
        (["model", "merges", 1], ["a", 7], r"merge 1: expected two tokens, found \['a', 7\]"),
        (["model", "merges"], [["a", "a"]] * 2, "merge 1: the merge .* is already at merge 0"),
        (["model", "merges", 1], "a b c", "merge 1: expected two tokens, found 'a b c'"),
        (["model", "merges", 1], ["a", "狐"], "'狐' in '狐' is not the stand-in of a byte"),
    ],
)
def test_what_cannot_be_reproduced_is_an_error(saved, tmp_path, keys, value, message):
    content = json.loads(saved.read_text("utf-8"))
    change(content, keys, value)
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(content), "utf-8")
    with pytest.raises(TokenizerFileError, match=message):
        Tokenizer.load(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not valid JSON"),
        (b'{"model": {', "is not valid JSON"),
        (b"\xff\xfe", r"is not UTF-8 \(offset 0\)"),
        (b"[]", "'model' is missing"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"model": ' + b"9" * 5000 + b"}", "is not valid JSON"),
    ],
)
def test_damaged_files_are_errors(tmp_path, content, message):
    path = tmp_path / "damaged.json"
    path.write_bytes(content)
    with pytest.raises(TokenizerFileError, match=message):
        Tokenizer.load(path)


def test_the_form_of_the_published_gpt2_file(gpt2, python_manual, tmp_path):
    """Without the newer fields, with merges as strings, and with a post-processor."""
    gpt2.save(tmp_path / "ours.json")
    content = json.loads((tmp_path / "ours.json").read_text("utf-8"))
    model = content["model"]
    content["added_tokens"][0]["normalized"] = True
    content["pre_tokenizer"] = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    content["post_processor"] = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False}
    content["decoder"] = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True}
    content["model"] = {
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": "",
        "end_of_word_suffix": "",
        "fuse_unk": False,
        "vocab": model["vocab"],
        "merges": [" ".join(pair) for pair in model["merges"]],
    }
    (tmp_path / "theirs.json").write_text(json.dumps(content), "utf-8")
    ours = Tokenizer.load(tmp_path / "theirs.json")
    assert ours.fingerprint == gpt2.fingerprint
    theirs = tokenizers.Tokenizer.from_file(str(tmp_path / "theirs.json"))
    text = python_manual[:50_000] + END + SCRIPTS
    assert ours.encode(text) == theirs.encode(text).ids


def test_ignore_merges(tmp_path):
    """As in Llama 3's file: tokens that no merge makes are found only as whole pieces."""
    vocab = {**{byte: bytes([byte]) for byte in range(256)}, 256: b"ab", 257: b"abcb", 258: b"ba"}
    text = "abcb abcb abcbb ab"
    for ignore_merges in (True, False):
        ours = Tokenizer(vocab, [(b"a", b"b")], ignore_merges=ignore_merges)
        ours.save(tmp_path / "tokenizer.json")
        theirs = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
        assert (257 in ours.encode(text)) == ignore_merges
        assert theirs.encode(text).ids == ours.encode(text)
        again = Tokenizer.load(tmp_path / "tokenizer.json")
        assert again.ignore_merges == ignore_merges
        assert again.fingerprint == ours.fingerprint
        assert again.encode(text) == ours.encode(text)


EMPTY_PARTS = [
    {"normalizer": {"type": "Sequence", "normalizers": []}},
    {"normalizer": {"type": "Sequence", "normalizers": [{"type": "Sequence", "normalizers": []}]}},
    {"post_processor": {"type": "Sequence", "processors": []}},
    {"decoder": {"type": "Sequence", "decoders": []}},
    {"normalizer": None, "post_processor": None, "decoder": None, "truncation": None, "padding": None},
]


@pytest.mark.parametrize("parts", EMPTY_PARTS)
def test_parts_that_change_nothing(saved, tokenizer, tmp_path, parts):
    """An empty Sequence of normalizers is in DeepSeek's files."""
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(json.loads(saved.read_text("utf-8")) | parts), "utf-8")
    ours = Tokenizer.load(path)
    assert ours.fingerprint == tokenizer.fingerprint
    assert tokenizers.Tokenizer.from_file(str(path)).encode(SCRIPTS).ids == ours.encode(SCRIPTS)


def test_parts_that_are_missing(saved, tokenizer, tmp_path):
    content = json.loads(saved.read_text("utf-8"))
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps({name: content[name] for name in ("model", "pre_tokenizer", "added_tokens")}), "utf-8")
    assert Tokenizer.load(path).fingerprint == tokenizer.fingerprint
    assert tokenizers.Tokenizer.from_file(str(path)).encode(SCRIPTS).ids == tokenizer.encode(SCRIPTS)


def test_special_tokens_keep_the_ids_of_the_file(tmp_path):
    """Even where the vocabulary has the same bytes at a lower id."""
    vocab = {**{byte: bytes([byte]) for byte in range(256)}, 300: b"\n"}
    ours = Tokenizer(vocab, [], {"\n": 300})
    ours.save(tmp_path / "tokenizer.json")
    theirs = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert theirs.encode("a\nb").ids == ours.encode("a\nb") == [97, 300, 98]
    assert Tokenizer.load(tmp_path / "tokenizer.json").encode("a\nb") == [97, 300, 98]


@pytest.mark.parametrize(
    ("first", "second", "text"),
    [("b", "ab", "xab"), ("bc", "ab", "xabc"), ("ab", "abc", "xabc"), ("b", "abc", "abc"), ("abc", "ab", "abc ab")],
)
def test_added_tokens_that_are_found_in_two_passes(tmp_path, first, second, text):
    """Tokens with `normalized` false are found first, even where another one starts further left."""
    path = tmp_path / "tokenizer.json"
    for normalized in (False, True):
        Tokenizer({byte: bytes([byte]) for byte in range(256)}, [], [first, second, "<x>"]).save(path)
        content = json.loads(path.read_text("utf-8"))
        content["added_tokens"][1]["normalized"] = normalized
        path.write_text(json.dumps(content), "utf-8")
        theirs = tokenizers.Tokenizer.from_file(str(path))
        assert Tokenizer.load(path).encode(text) == theirs.encode(text).ids


def test_two_passes_that_cannot_overlap(tmp_path):
    """As in the files of some models: a marker, and runs of spaces."""
    path = tmp_path / "tokenizer.json"
    Tokenizer({byte: bytes([byte]) for byte in range(256)}, [], ["<x>", "<y>", "  ", "   "]).save(path)
    content = json.loads(path.read_text("utf-8"))
    for token in content["added_tokens"][1:]:
        token["normalized"] = True
    path.write_text(json.dumps(content), "utf-8")
    text = "a<x>  <y>     b<x"
    assert Tokenizer.load(path).encode(text) == tokenizers.Tokenizer.from_file(str(path)).encode(text).ids


@pytest.mark.parametrize("special", ["\n", " "])
def test_a_special_token_of_one_byte(tmp_path, special):
    ours = Tokenizer({0: special.encode(), **{byte + 1: bytes([byte]) for byte in range(256)}}, [], [special])
    ours.save(tmp_path / "tokenizer.json")
    theirs = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    text = "a b\nc"
    assert 0 in ours.encode(text)
    assert theirs.encode(text).ids == ours.encode(text) == Tokenizer.load(tmp_path / "tokenizer.json").encode(text)


def test_a_special_token_that_a_merge_makes_cannot_be_stored(tmp_path):
    vocab = {**{byte: bytes([byte]) for byte in range(256)}, 256: b" a", 257: b" ab"}
    tokenizer = Tokenizer(vocab, [(b" ", b"a"), (b" a", b"b")], [" a"])
    with pytest.raises(ValueError, match="the merge of 'Ġ' and 'a' involves a special token"):
        tokenizer.save(tmp_path / "tokenizer.json")


def test_a_vocabulary_that_json_cannot_express_is_an_error(tmp_path):
    tokenizer = Tokenizer({**{byte: bytes([byte]) for byte in range(256)}, 256: b"a"}, [])
    with pytest.raises(ValueError, match="ids 97 and 256 would both be written as 'a'"):
        tokenizer.save(tmp_path / "tokenizer.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ignore_merges", [False, True])
def test_tokens_in_plain_text_are_only_decoded(load_both, ignore_merges):
    """Command R has the flag letters both as bytes in stand-ins and as plain text, the latter out of reach."""
    model = json.loads(load_both().theirs.to_str())["model"]
    ids = {token: len(model["vocab"]) + i for i, token in enumerate(["é", "Ã©", "🇵", "\u200d"])}
    del ids["é"]  # the stand-in of the byte 0xE9, which is in the vocabulary
    vocab = model["vocab"] | ids
    merges = [["Ã", "©"], *model["merges"]]
    both = load_both(model=model | {"vocab": vocab, "merges": merges, "ignore_merges": ignore_merges})
    for text in ("é", "🇵🇱", "x\u200dy", "Déjà \u200d🇵 e\u0301"):
        both.check(text)
        assert both.ours.decode(both.ours.encode(text)) == text
    assert both.ours.decode([vocab["🇵"], vocab["\u200d"]]) == "🇵\u200d"
