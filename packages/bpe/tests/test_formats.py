import json

import pytest
import tokenizers
from hypothesis import given

from bpe import PATTERNS, Tokenizer, TokenizerFileError
from bpe.formats import from_stand_ins, to_stand_ins

from .conftest import END, SCRIPTS, texts


@pytest.fixture(scope="session")
def saved(tokenizer, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "tokenizer.json"
    tokenizer.save(path)
    return path


@pytest.fixture(scope="session")
def peer(saved):
    return tokenizers.Tokenizer.from_file(str(saved))


def test_stand_ins_are_those_of_the_tokenizers_library():
    assert sorted(to_stand_ins(bytes([byte])) for byte in range(256)) == sorted(
        tokenizers.pre_tokenizers.ByteLevel.alphabet()
    )
    assert to_stand_ins(b" the\n") == "ĠtheĊ"
    assert from_stand_ins("ĠtheĊ") == b" the\n"
    assert from_stand_ins(to_stand_ins(bytes(range(256)))) == bytes(range(256))


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
    theirs.save_model(str(tmp_path))
    ours = Tokenizer.from_files(tmp_path / "vocab.json", tmp_path / "merges.txt", [END])
    assert ours.encode(SCRIPTS + END) == theirs.encode(SCRIPTS + END).ids


def test_merges_written_as_strings_are_read(saved, tokenizer, tmp_path):
    content = json.loads(saved.read_text("utf-8"))
    content["model"]["merges"] = [" ".join(pair) for pair in content["model"]["merges"]]
    (tmp_path / "old.json").write_text(json.dumps(content), "utf-8")
    assert Tokenizer.load(tmp_path / "old.json").fingerprint == tokenizer.fingerprint


def test_round_trip_through_gpt2_files(tokenizer, tmp_path):
    vocab_path, merges_path = tmp_path / "vocab.json", tmp_path / "merges.txt"
    tokenizer.save_gpt2(vocab_path, merges_path)
    assert merges_path.read_text("utf-8").startswith("#version: 0.2\n")
    again = Tokenizer.from_files(vocab_path, merges_path, [END])
    assert again.fingerprint == tokenizer.fingerprint


def test_gpt2_files_load_in_the_tokenizers_library(tokenizer, tmp_path):
    tokenizer.save_gpt2(tmp_path / "vocab.json", tmp_path / "merges.txt")
    theirs = tokenizers.ByteLevelBPETokenizer(str(tmp_path / "vocab.json"), str(tmp_path / "merges.txt"))
    assert theirs.encode(SCRIPTS).ids == tokenizer.encode(SCRIPTS)


def test_a_merge_of_the_number_sign_is_no_header(tmp_path):
    (tmp_path / "merges.txt").write_text("#version: 0.2\n# #\n## ##\n")
    vocab = {bytes([byte]): byte for byte in range(256)} | {b"##": 256, b"####": 257}
    (tmp_path / "vocab.json").write_text(json.dumps({to_stand_ins(token): i for token, i in vocab.items()}))
    tokenizer = Tokenizer.from_files(tmp_path / "vocab.json", tmp_path / "merges.txt")
    assert tokenizer.encode("####") == [257]


def change(content, keys, value):
    *parents, last = keys
    for key in parents:
        content = content[key]
    content[last] = value


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (["model", "type"], "WordPiece", "model is 'WordPiece', not 'BPE'"),
        (["model", "ignore_merges"], True, "ignore_merges = True"),
        (["model", "byte_fallback"], True, "byte_fallback = True"),
        (["model", "dropout"], 0.1, "dropout = 0.1"),
        (["normalizer"], {"type": "NFC"}, "it has a normalizer"),
        (["pre_tokenizer"], {"type": "Whitespace"}, "pre_tokenizer is neither"),
        (["pre_tokenizer"], None, "pre_tokenizer is neither"),
        (["pre_tokenizer", "add_prefix_space"], True, "pre_tokenizer is neither"),
        (["added_tokens", 0, "lstrip"], True, "has lstrip = true"),
        (["added_tokens", 0, "content"], 7, "'content' is missing"),
        (["added_tokens"], ["x"], "'added_tokens' is not a list of objects"),
        (["added_tokens"], {"a": 1}, "'added_tokens' is not a list of objects"),
        (["added_tokens"], 7, "'added_tokens' is not a list of objects"),
        (["added_tokens", 0, "id"], 97, r"id 97 is given to '<\|endoftext\|>' and to b'`'"),
        (["added_tokens", 0, "id"], 5000, r"'<\|endoftext\|>' has the ids 5000 and 0"),
        (["model", "vocab", "\ud800"], 5000, "is not text that UTF-8 can hold"),
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
        (["model", "vocab", "a"], 2**40, "'a' has the id 1099511627776; ids go from 0 to 4294967295"),
        (["model", "vocab", "a"], "7", "'a' has the id '7'"),
        (["model", "vocab", "a"], True, "'a' has the id True"),
        (["model", "vocab", "a"], 3, "id 3 is given to"),
        (["model", "merges", 1], ["a"], r"merge 1: expected two tokens, found \['a'\]"),
        (["model", "merges", 1], "a b c", "merge 1: expected two tokens, found 'a b c'"),
        (["model", "merges", 1], ["a", "狐"], "'狐' in '狐' stands for no byte"),
    ],
)
def test_what_cannot_be_reproduced_is_refused(saved, tmp_path, keys, value, message):
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
def test_damaged_files_are_refused(tmp_path, content, message):
    path = tmp_path / "damaged.json"
    path.write_bytes(content)
    with pytest.raises(TokenizerFileError, match=message):
        Tokenizer.load(path)


def test_damaged_gpt2_files_are_refused(tmp_path):
    vocab, merges = tmp_path / "vocab.json", tmp_path / "merges.txt"
    vocab.write_text("[1]")
    merges.write_text("#version: 0.2\na b\na\n")
    with pytest.raises(TokenizerFileError, match="expected an object"):
        Tokenizer.from_files(vocab, merges)
    vocab.write_text("{}")
    with pytest.raises(TokenizerFileError, match=r"merges.txt, line 3: expected two tokens, found 'a'"):
        Tokenizer.from_files(vocab, merges)


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
    with pytest.raises(ValueError, match="the merge of 'Ġ' and 'a' takes part in a special token"):
        tokenizer.save(tmp_path / "tokenizer.json")


def test_a_vocabulary_that_json_cannot_hold_is_refused(tmp_path):
    tokenizer = Tokenizer({**{byte: bytes([byte]) for byte in range(256)}, 256: b"a"}, [])
    with pytest.raises(ValueError, match="ids 97 and 256 would both be written as 'a'"):
        tokenizer.save(tmp_path / "tokenizer.json")
    assert list(tmp_path.iterdir()) == []
