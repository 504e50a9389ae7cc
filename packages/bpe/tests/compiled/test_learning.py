import pydoc_data.topics

import numpy as np
import pytest
import tokenizers
from hypothesis import given, settings, strategies as st

from bpe.patterns import compile_pattern
from bpe.reference import count_pieces, learn_merges

pytest.importorskip("numba", reason="needs numba")
from bpe.compiled import learning
from bpe.kernels.training.layout import NUM_MERGES, NUM_PAIRS, NUM_TOKENS, PLACES_READ


def arrays(counts, separator=0):
    """The words as arrays for the kernels."""
    words = [piece.encode() for piece in counts]
    separator = bytes([separator])
    text = separator + b"".join(word + separator for word in words)
    borders = np.cumsum([0, *(len(word) + 1 for word in words)], dtype=np.int64)
    return np.frombuffer(text, np.uint8), borders, np.array(list(counts.values()), np.int64)


@pytest.fixture(scope="module")
def topics():
    return count_pieces(pydoc_data.topics.topics.values(), compile_pattern("gpt2"))


def words(letters, max_size):
    return st.dictionaries(st.text(letters, min_size=1, max_size=max_size), st.integers(1, 5), max_size=8)


@settings(max_examples=300)
@given(
    counts=words("ab", 12) | words("a", 40) | words("abé", 12) | words("\x00a", 20) | words("ab", 60),
    num_merges=st.integers(0, 40),
    min_frequency=st.integers(1, 6),
    max_token_length=st.none() | st.integers(1, 6),
    separator=st.sampled_from([0, ord("a"), 255]),
)
def test_learning_equals_the_reference(counts, num_merges, min_frequency, max_token_length, separator):
    limits = {"min_frequency": min_frequency, "max_token_length": max_token_length}
    expected = learn_merges(counts, num_merges, **limits)
    assert learning.learn_merges(*arrays(counts, separator), num_merges, **limits) == expected


@settings(max_examples=300)
@given(counts=words("abc", 9) | words("ab", 25) | words("a", 40), max_token_length=st.none() | st.integers(1, 6))
def test_no_token_is_made_twice(counts, max_token_length):
    """The kernels rely on this; `bpe.kernels.training.tokens` has the proof."""
    merges = learn_merges(counts, 100, max_token_length=max_token_length)
    assert len({left + right for left, right in merges}) == len(merges)


def test_real_text_equals_the_reference_to_the_last_merge(topics):
    merges = learning.learn_merges(*arrays(topics), 10**5)
    assert len(merges) > 8_000
    assert merges == learn_merges(topics, 10**5)


@pytest.mark.parametrize("limits", [{"min_frequency": 20}, {"max_token_length": 5}])
def test_limits_on_real_text(topics, limits):
    merges = learning.learn_merges(*arrays(topics), 10**5, **limits)
    assert merges == learn_merges(topics, 10**5, **limits)
    assert 500 < len(merges) < 8_000


def test_equal_to_the_tokenizers_library_where_counts_decide():
    """The library breaks ties differently, so these words have none: counts are powers of two."""
    words = ["abcd", "bcde", "xyzzy", "low", "lower", "newest", "widest"]
    counts = {word: 2**i for i, word in enumerate(words)}
    text = " ".join(word for word, count in counts.items() for _ in range(count))
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    tokenizer.train_from_iterator([text], tokenizers.trainers.BpeTrainer(vocab_size=10**4, show_progress=False))
    # Pairs inside the same word always tie; the set of words that become single tokens does not depend on it.
    theirs = {token for token in tokenizer.get_vocab() if token in counts}
    merged = {(left + right).decode() for left, right in learning.learn_merges(*arrays(counts), 10**4)}
    assert theirs == merged & counts.keys() == counts.keys()


def test_one_long_word():
    counts = {"ab" * 50_000 + "a" * 33_333: 1}
    assert learning.learn_merges(*arrays(counts), 100) == learn_merges(counts, 100)


def test_nothing_to_learn_from():
    empty = np.zeros(1, np.uint8), np.zeros(1, np.int64), np.empty(0, np.int64)
    assert learning.learn_merges(*empty, 10) == []


def test_progress_is_reported(topics):
    reports = []
    learning.learn_merges(*arrays(topics), 2500, report_progress=reports.append)
    assert len(reports) == 3
    assert sum(reports) == 2500
    reports.clear()
    merges = learning.learn_merges(*arrays({"abc": 1}), 2500, report_progress=reports.append)
    assert sum(reports) == len(merges) == 2


def test_few_places_are_read(topics):
    """Counted, not timed: counting all pairs at every merge would read more than a hundred million places."""
    text, borders, frequency = arrays(topics)
    learner = learning.Learner(text, borders, frequency, 3000)
    assert learner.learn(3000)
    assert learner.progress[NUM_MERGES] == learner.num_merges == 3000
    assert learner.progress[NUM_TOKENS] <= 3256
    assert learner.progress[NUM_PAIRS] < 2 * len(text)
    assert learner.progress[PLACES_READ] < 8 * len(text)
