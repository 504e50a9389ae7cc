import json

import pytest
import tiktoken
import tiktoken.load
import tokenizers

from bpe import PATTERNS, Tokenizer, TokenizerFileError
from bpe.stand_ins import to_stand_ins

from ..conftest import END, SCRIPTS


def test_the_published_gpt2_files_give_the_ids_of_tiktoken(gpt2, gpt2_files, python_manual, monkeypatch):
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")
    ranks = tiktoken.load.data_gym_to_mergeable_bpe_ranks(str(gpt2_files.merges), str(gpt2_files.vocab))
    oracle = tiktoken.Encoding("gpt2", pat_str=PATTERNS["gpt2"], mergeable_ranks=ranks, special_tokens={END: 50256})
    text = python_manual[:200_000] + SCRIPTS + END
    assert gpt2.vocab_size == 50257
    assert gpt2.encode(text) == oracle.encode(text, allowed_special="all")


def test_the_published_gpt2_files_give_the_ids_of_tokenizers(gpt2, gpt2_files, python_manual):
    theirs = tokenizers.ByteLevelBPETokenizer(str(gpt2_files.vocab), str(gpt2_files.merges))
    text = python_manual[:100_000] + SCRIPTS
    assert gpt2.encode(text) == theirs.encode(text).ids


def test_the_published_gpt2_files_are_written_identically(gpt2, gpt2_files, tmp_path):
    gpt2.save_gpt2(tmp_path / "vocab.json", tmp_path / "merges.txt")
    assert (tmp_path / "merges.txt").read_bytes() == gpt2_files.merges.read_bytes()
    assert json.loads((tmp_path / "vocab.json").read_bytes()) == json.loads(gpt2_files.vocab.read_bytes())


def test_round_trip(tokenizer, tmp_path):
    vocab_path, merges_path = tmp_path / "vocab.json", tmp_path / "merges.txt"
    tokenizer.save_gpt2(vocab_path, merges_path)
    assert merges_path.read_text("utf-8").startswith("#version: 0.2\n")
    again = Tokenizer.from_files(vocab_path, merges_path, [END])
    assert again.fingerprint == tokenizer.fingerprint


def test_our_files_load_in_the_tokenizers_library(tokenizer, tmp_path):
    tokenizer.save_gpt2(tmp_path / "vocab.json", tmp_path / "merges.txt")
    theirs = tokenizers.ByteLevelBPETokenizer(str(tmp_path / "vocab.json"), str(tmp_path / "merges.txt"))
    assert theirs.encode(SCRIPTS).ids == tokenizer.encode(SCRIPTS)


def write_bytes_and(path, *tokens):
    vocab = [*(bytes([byte]) for byte in range(256)), *tokens]
    path.write_text(json.dumps({to_stand_ins(token): i for i, token in enumerate(vocab)}))


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_merge_of_the_number_sign_is_not_a_header(tmp_path, line_end):
    (tmp_path / "merges.txt").write_bytes(line_end.join(["#version: 0.2", "# #", "## ##", ""]).encode())
    write_bytes_and(tmp_path / "vocab.json", b"##", b"####")
    tokenizer = Tokenizer.from_files(tmp_path / "vocab.json", tmp_path / "merges.txt")
    assert tokenizer.encode("####") == [257]


def test_a_file_without_a_header(tmp_path):
    (tmp_path / "merges.txt").write_text("a b\nab c")
    write_bytes_and(tmp_path / "vocab.json", b"ab", b"abc")
    assert Tokenizer.from_files(tmp_path / "vocab.json", tmp_path / "merges.txt").encode("abc") == [257]


@pytest.mark.parametrize(
    ("merges", "message"),
    [
        ("#version: 0.2\na b\na\n", r"merges\.txt, line 3: expected two tokens, found 'a'"),
        ("a b c\n", r"merges\.txt, line 1: expected two tokens, found 'a b c'"),
        ("a b\n\na b\n", r"line 3: the merge 'a b' is already at line 1.*remove one"),
        ("a 狐\n", r"line 1: '狐' in '狐' is not the stand-in of a byte"),
        ("a c\n", r"vocab\.json and .*merges\.txt: merge 0 makes b'ac', which is not in the vocabulary"),
    ],
)
def test_damaged_merges_are_errors(tmp_path, merges, message):
    write_bytes_and(tmp_path / "vocab.json", b"ab", b"abc")
    (tmp_path / "merges.txt").write_text(merges, "utf-8")
    with pytest.raises(TokenizerFileError, match=message):
        Tokenizer.from_files(tmp_path / "vocab.json", tmp_path / "merges.txt")


def test_a_damaged_vocabulary_is_an_error(tmp_path):
    (tmp_path / "vocab.json").write_text("[1]")
    (tmp_path / "merges.txt").write_text("")
    with pytest.raises(TokenizerFileError, match="expected an object"):
        Tokenizer.from_files(tmp_path / "vocab.json", tmp_path / "merges.txt")


def test_a_merge_that_is_given_twice_is_written_once(tmp_path):
    vocab = {**{byte: bytes([byte]) for byte in range(256)}, 256: b"ab"}
    Tokenizer(vocab, [(b"a", b"b"), (b"a", b"b")]).save_gpt2(tmp_path / "vocab.json", tmp_path / "merges.txt")
    again = Tokenizer.from_files(tmp_path / "vocab.json", tmp_path / "merges.txt")
    assert again.merges == [(b"a", b"b")]


def test_ignore_merges_cannot_be_written(tmp_path):
    tokenizer = Tokenizer({byte: bytes([byte]) for byte in range(256)}, [], ignore_merges=True)
    with pytest.raises(ValueError, match=r"ignore_merges is set.*save a tokenizer\.json"):
        tokenizer.save_gpt2(tmp_path / "vocab.json", tmp_path / "merges.txt")
    assert list(tmp_path.iterdir()) == []


def test_tokens_in_plain_text_are_only_decoded(tmp_path):
    write_bytes_and(tmp_path / "vocab.json", b"ab")
    vocab = json.loads((tmp_path / "vocab.json").read_text("utf-8"))
    vocab |= {"狐": 400, "<| |>": 401, "çĭĲ": 402}
    (tmp_path / "vocab.json").write_text(json.dumps(vocab), "utf-8")
    (tmp_path / "merges.txt").write_text("a b\n", "utf-8")
    tokenizer = Tokenizer.from_files(tmp_path / "vocab.json", tmp_path / "merges.txt", ["<| |>"])
    assert tokenizer.encode("狐ab<| |>") == [*"狐".encode(), 256, 401]
    assert tokenizer.decode([400, 402]) == "狐狐"
    tokenizer.save_gpt2(tmp_path / "again.json", tmp_path / "merges.txt")
    again = Tokenizer.from_files(tmp_path / "again.json", tmp_path / "merges.txt", ["<| |>"])
    assert again.fingerprint == tokenizer.fingerprint
