from itertools import pairwise

import tiktoken
import tokenizers
from hypothesis import example, given, strategies as st

from bpe import Tokenizer
from bpe.formats import recover_merges
from bpe.formats.merge_recovery import last_parts, last_parts_of_long
from bpe.reference import split_bytes

from ..conftest import END

ALPHABET = [b"a", b"b", b"c"]
PATTERN = r"[abc]+"

tokens = st.lists(st.sampled_from(ALPHABET), min_size=2, max_size=6).map(b"".join)
vocabularies = st.lists(tokens, unique=True, max_size=25).map(lambda longer: ALPHABET + longer)


@st.composite
def ranks_of_tokens(draw):
    vocabulary = draw(vocabularies)
    ids = draw(st.lists(st.integers(0, 60), unique=True, min_size=len(vocabulary), max_size=len(vocabulary)))
    return dict(zip(vocabulary, ids, strict=True))


def by_the_definition(token, ranks):
    """Join the neighbours whose concatenation has the lowest rank, searching all of them each time."""
    parts = [bytes([byte]) for byte in token]
    while len(parts) > 2:
        candidates = [(ranks[a + b], i) for i, (a, b) in enumerate(pairwise(parts)) if a + b in ranks]
        if not candidates:
            break
        i = min(candidates)[1]
        parts[i : i + 2] = [parts[i] + parts[i + 1]]
    return parts


@given(ranks=ranks_of_tokens(), token=tokens)
def test_both_ways_to_split_a_token_follow_the_definition(ranks, token):
    expected = by_the_definition(token, ranks)
    assert last_parts(split_bytes(token), ranks) == expected
    assert last_parts_of_long(split_bytes(token), ranks) == expected


def test_long_tokens():
    halves = [(b"a" * 2**i, b"a" * 2**i) for i in range(13)]
    ranks = {b"a" * 2**i: i for i in range(14)} | {b"a" * 192: 20, b"a" * 193: 21}
    merges = [*halves, (b"a" * 128, b"a" * 64), (b"a" * 192, b"a")]
    assert recover_merges(ranks) == (merges, [])
    assert recover_merges({**ranks, b"a" * 195: 22}) == (merges, [b"a" * 195])  # 192 is made, then 2 and 1 are left


@given(ranks=ranks_of_tokens(), words=st.lists(st.text("abc", max_size=12), max_size=5))
@example(ranks={b"a": 0, b"b": 1, b"c": 2, b"bc": 3, b"ab": 4, b"abc": 5}, words=["abc", "abca", "aabc"])
@example(ranks={b"a": 0, b"b": 1, b"c": 2, b"abc": 3, b"ab": 9}, words=["abc"])  # made by a merge of higher rank
@example(ranks={b"a": 0, b"b": 1, b"c": 2, b"ab": 3, b"abcb": 4}, words=["abcb", "aabcb"])  # unreachable
def test_any_ranks_give_the_ids_of_tiktoken_and_of_the_tokenizers_library(tmp_path_factory, ranks, words):
    """Including ranks that no training would give, with tokens that no merge makes."""
    merges, unreachable = recover_merges(ranks)
    assert len(merges) + len(unreachable) == len(ranks) - len(ALPHABET)
    vocab = {rank: token for token, rank in ranks.items()}
    vocab[61] = b" "
    ours = Tokenizer(vocab, merges, pattern=PATTERN, ignore_merges=bool(unreachable))
    text = " ".join(words)
    theirs = tiktoken.Encoding("x", pat_str=PATTERN + "| ", mergeable_ranks={**ranks, b" ": 61}, special_tokens={})
    assert ours.encode(text) == theirs.encode_ordinary(text)

    path = tmp_path_factory.getbasetemp() / "recovered.json"
    ours.save(path)
    assert tokenizers.Tokenizer.from_file(str(path)).encode(text).ids == ours.encode(text)
    assert Tokenizer.load(path).encode(text) == ours.encode(text)


def test_the_merges_of_a_training_are_recovered(trained):
    vocab, merges = trained
    ranks = {token: token_id for token_id, token in vocab.items() if token != END.encode()}
    assert recover_merges(ranks) == (merges, [])


def test_the_merges_of_gpt2_are_recovered(gpt2):
    ranks = {token: token_id for token_id, token in gpt2.vocab.items() if token != END.encode()}
    assert recover_merges(ranks) == (gpt2.merges, [])
