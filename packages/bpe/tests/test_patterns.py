import pytest
import regex
import tiktoken
from hypothesis import given, strategies as st

from bpe.patterns import PATTERNS, compile_pattern, last_safe_cut, split_pieces

from .conftest import texts

GPT2_IN_THE_SPECIFICATION = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""


def test_gpt2_is_the_published_pattern():
    assert PATTERNS["gpt2"] == GPT2_IN_THE_SPECIFICATION


@pytest.mark.parametrize(
    ("name", "text", "pieces"),
    [
        ("gpt2", "I'll  go\n\n home123!?", ["I", "'ll", " ", " go", "\n\n", " home", "123", "!?"]),
        ("gpt2", "a\n b  ", ["a", "\n", " b", "  "]),
        ("cl100k", "I'LL pay 12345.\n\n  ok", ["I", "'LL", " pay", " ", "123", "45", ".\n\n", " ", " ok"]),
        ("o200k", "HTMLParser isn't /a/\n", ["HTMLParser", " isn't", " /", "a", "/\n"]),
    ],
)
def test_worked_examples(name, text, pieces):
    assert split_pieces(text, compile_pattern(name)) == pieces


@pytest.mark.parametrize("name", PATTERNS)
@given(text=texts())
def test_named_patterns_match_every_character(name, text):
    assert "".join(split_pieces(text, compile_pattern(name))) == text


@given(text=texts())
def test_what_a_pattern_skips_is_a_piece(text):
    pieces = split_pieces(text, compile_pattern(r"\p{L}+"))
    assert "".join(pieces) == text
    assert all(pieces)
    assert [p for p in pieces if regex.fullmatch(r"\p{L}+", p)] == regex.findall(r"\p{L}+", text)


@pytest.mark.parametrize("name", PATTERNS)
@given(left=texts(20), right=texts(20))
def test_safe_cuts_are_borders_whatever_follows(name, left, right):
    pattern = compile_pattern(name)
    cut = last_safe_cut(left, pattern)
    halves = split_pieces(left[:cut], pattern) + split_pieces(left[cut:] + right, pattern)
    assert halves == split_pieces(left + right, pattern)


@given(text=st.text("ab ", min_size=1))
def test_patterns_without_an_automaton_have_no_safe_cut(text):
    assert last_safe_cut(text, compile_pattern(r"\S+|(?<=a)\s+")) == 0


def test_other_patterns_are_cut_where_their_automaton_allows_it():
    assert last_safe_cut("ab a b", compile_pattern(r"\S+|\s+")) == 5
    assert last_safe_cut("ab a b", compile_pattern(r"\s?\S+|\s")) == 4


def test_an_invalid_expression_is_an_error():
    with pytest.raises(ValueError, match=r"split pattern '\(oops' is neither one of gpt2, cl100k, o200k"):
        compile_pattern("(oops")


# Characters that have the same class in every version of Unicode in use; `regex` is newer than other libraries.
SETTLED = st.text(st.sampled_from("ab Zé狐’'sl1²٣/.-_\n\r\t\u00a0\u3000👍👧\u0301ي"), max_size=40)


@pytest.mark.parametrize("name", PATTERNS)
@given(text=SETTLED)
def test_pieces_are_those_of_tiktoken(name, text):
    """tiktoken encodes a piece that is a token as that token, so if every piece is a token, its ids show the pieces."""
    pieces = split_pieces(text, compile_pattern(name))
    ranks = {bytes([byte]): byte for byte in range(256)}
    for piece in pieces:
        ranks.setdefault(piece.encode(), len(ranks))
    encoding = tiktoken.Encoding("pieces", pat_str=PATTERNS[name], mergeable_ranks=ranks, special_tokens={})
    assert encoding.encode_ordinary(text) == [ranks[piece.encode()] for piece in pieces]
