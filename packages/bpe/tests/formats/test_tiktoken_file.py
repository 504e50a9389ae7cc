import base64

import pytest
import tiktoken
import tiktoken.load

from bpe import PATTERNS, Tokenizer, TokenizerFileError

from ..conftest import END, SCRIPTS

BYTES = {byte: bytes([byte]) for byte in range(256)}


@pytest.fixture(autouse=True)
def without_cache(monkeypatch):
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")  # otherwise tiktoken keeps a copy of the file at a path


def their_encoding(path, pattern, special_tokens):
    ranks = tiktoken.load.load_tiktoken_bpe(str(path))
    return tiktoken.Encoding("x", pat_str=pattern, mergeable_ranks=ranks, special_tokens=special_tokens)


def test_round_trip(tokenizer, tmp_path):
    tokenizer.save_tiktoken(tmp_path / "ours.tiktoken")
    again = Tokenizer.from_tiktoken(tmp_path / "ours.tiktoken", tokenizer.special_tokens, pattern=tokenizer.pattern)
    assert again.merges == tokenizer.merges
    assert not again.ignore_merges
    assert again.fingerprint == tokenizer.fingerprint


@pytest.mark.parametrize("pattern", PATTERNS)
def test_tiktoken_gives_equal_ids_from_our_file(trained, corpus, tmp_path, pattern):
    ours = Tokenizer(*trained, [END], pattern=pattern)
    ours.save_tiktoken(tmp_path / "ours.tiktoken")
    theirs = their_encoding(tmp_path / "ours.tiktoken", PATTERNS[pattern], ours.special_tokens)
    text = corpus.read_bytes().decode()
    assert theirs.encode(text, allowed_special="all") == ours.encode(text)


def test_gpt2_through_tiktoken(gpt2, python_manual, tmp_path):
    gpt2.save_tiktoken(tmp_path / "gpt2.tiktoken")
    theirs = their_encoding(tmp_path / "gpt2.tiktoken", PATTERNS["gpt2"], {END: 50256})
    ours = Tokenizer.from_tiktoken(tmp_path / "gpt2.tiktoken", [END], pattern="gpt2")
    assert ours.fingerprint == gpt2.fingerprint
    text = python_manual[:100_000] + SCRIPTS + END
    assert ours.encode(text) == theirs.encode(text, allowed_special="all")


def test_our_file_is_byte_for_byte_what_tiktoken_writes(tokenizer, tmp_path):
    tokenizer.save_tiktoken(tmp_path / "ours.tiktoken")
    ranks = tiktoken.load.load_tiktoken_bpe(str(tmp_path / "ours.tiktoken"))
    assert ranks == {token: i for i, token in tokenizer.vocab.items() if i not in tokenizer.special_tokens.values()}
    lines = [base64.b64encode(token) + b" " + str(rank).encode() + b"\n" for token, rank in ranks.items()]
    assert (tmp_path / "ours.tiktoken").read_bytes() == b"".join(lines)


def write(path, tokens):
    path.write_bytes(b"".join(base64.b64encode(token) + b" %d\n" % rank for token, rank in tokens.items()))


def test_special_tokens_come_after_the_largest_rank_or_where_the_caller_says(tmp_path):
    path = tmp_path / "bytes.tiktoken"
    write(path, {token: byte for byte, token in BYTES.items()})
    assert Tokenizer.from_tiktoken(path).special_tokens == {}
    assert Tokenizer.from_tiktoken(path, ["<x>", "<y>"]).special_tokens == {"<x>": 256, "<y>": 257}
    assert Tokenizer.from_tiktoken(path, ["a"]).special_tokens == {"a": 256}  # the byte keeps its id
    spaced = Tokenizer.from_tiktoken(path, {"<x>": 1000, "<y>": 500})
    assert spaced.encode("a<y><x>") == [97, 500, 1000]
    with pytest.raises(ValueError, match=r"id 97 is assigned to the special token '<x>' and to b'a'"):
        Tokenizer.from_tiktoken(path, {"<x>": 97})
    with pytest.raises(ValueError, match=r"special_tokens is the string '<x>'"):
        Tokenizer.from_tiktoken(path, "<x>")


def test_the_default_pattern_is_that_of_cl100k(tmp_path):
    write(tmp_path / "bytes.tiktoken", {token: byte for byte, token in BYTES.items()})
    assert Tokenizer.from_tiktoken(tmp_path / "bytes.tiktoken").pattern == PATTERNS["cl100k"]


def test_a_token_that_no_merge_makes_sets_ignore_merges(tmp_path):
    write(tmp_path / "odd.tiktoken", {token: byte for byte, token in BYTES.items()} | {b"ab": 256, b"abcb": 257})
    ours = Tokenizer.from_tiktoken(tmp_path / "odd.tiktoken")
    assert ours.ignore_merges
    theirs = their_encoding(tmp_path / "odd.tiktoken", PATTERNS["cl100k"], {})
    for text in ["abcb", " abcb", "abcbb", "ab", "abcb abcb"]:
        assert ours.encode(text) == theirs.encode(text)
    ours.save_tiktoken(tmp_path / "again.tiktoken")
    assert (tmp_path / "again.tiktoken").read_bytes() == (tmp_path / "odd.tiktoken").read_bytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "contains no token"),
        (b"\n \r\n", "contains no token"),
        (b"YQ== 0\nYg== x\n", r"line 2: expected a token in base64.*found b'Yg== x'"),
        (b"YQ==\n", "line 1: expected a token in base64"),
        (b"YQ== 0 1\n", "line 1: expected a token in base64"),
        (b"YQ== -1\n", "line 1: expected a token in base64"),
        (b"YQ== +1\n", "line 1: expected a token in base64"),
        (b"YQ== 1_0\n", "line 1: expected a token in base64"),
        (b"Y!Q== 0\n", "line 1: expected a token in base64"),
        (b"YQ 0\n", "line 1: expected a token in base64"),
        (b"==== 0\n", "line 1: expected a token in base64"),
        (b"\xff\xfe 0\n", "line 1: expected a token in base64"),
        (b"YQ== 4294967295\n", r"line 1: a token of 1 bytes with the rank b'4294967295'; ranks go from 0 to 16777215"),
        (b"YQ== " + b"9" * 100_000, r"line 1: a token of 1 bytes with the rank b'9+\.\.\.9+'; ranks go from 0"),
        (b"Y" * 120_000 + b" 0\n", r"line 1: a token of 90000 bytes .* at most 65536 bytes"),
        (b"YQ== 0\n\nYQ== 1\n", "line 3: its token or its rank is already on line 1"),
        (b"YQ== 0\nYg== 0\n", "line 2: its token or its rank is already on line 1"),
    ],
)
def test_damaged_files_are_errors(tmp_path, content, message):
    path = tmp_path / "damaged.tiktoken"
    path.write_bytes(content)
    with pytest.raises(TokenizerFileError, match=r"damaged\.tiktoken.*" + message):
        Tokenizer.from_tiktoken(path)


def test_carriage_returns_and_a_missing_last_line_end_are_accepted(tmp_path):
    (tmp_path / "x.tiktoken").write_bytes(b"YQ== 0\r\nYg== 1\r\nYWI= 2")
    assert Tokenizer.from_tiktoken(tmp_path / "x.tiktoken").merges == [(b"a", b"b")]


@pytest.mark.parametrize(
    ("vocab", "merges", "options", "message"),
    [
        (
            {256: b"cd", 257: b"ab"},
            [(b"a", b"b"), (b"c", b"d")],
            {},
            r"merge 1 makes id 256 after merge 0 made id 257: in a \.tiktoken file the lower id is merged first",
        ),
        (
            {256: b"ab", 257: b"bc", 258: b"abc"},
            [(b"a", b"b"), (b"b", b"c"), (b"a", b"bc")],
            {},
            r"the merge of b'a' and b'bc' is not what a \.tiktoken file of these ids implies",
        ),
        ({256: b"ab", 257: b"abc"}, [(b"a", b"b")], {}, "the merge of b'ab' and b'c' is not what"),
        ({256: b"ab", 257: b"abcb"}, [(b"a", b"b")], {}, r"no merge makes the token b'abcb' \(id 257\)"),
        ({256: b"a"}, [], {}, "ids 97 and 256 both have the bytes b'a'"),
        ({256: b""}, [], {}, "id 256 has no bytes"),
        ({2**24: b"ab"}, [(b"a", b"b")], {}, "has the id 16777216, but tokenizer files allow ids below 16777216"),
    ],
)
def test_what_ranks_cannot_express_is_an_error(tmp_path, vocab, merges, options, message):
    tokenizer = Tokenizer(BYTES | vocab, merges, **options)
    with pytest.raises(ValueError, match=message):
        tokenizer.save_tiktoken(tmp_path / "x.tiktoken")
    assert list(tmp_path.iterdir()) == []
