import warnings
from collections import Counter
from itertools import pairwise

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from bpe import PATTERNS, TextFileError, train_bpe

from .conftest import END


def naive_train(text, vocab_size, special_tokens):
    """The textbook, without any care for speed: split, count everything, merge, start again."""
    vocab = [token.encode() for token in special_tokens] + [bytes([byte]) for byte in range(256)]
    documents = [text]
    for special in sorted(special_tokens, key=len, reverse=True):
        documents = [part for document in documents for part in document.split(special)]
    words = [[bytes([b]) for b in piece.encode()] for d in documents for piece in regex.findall(PATTERNS["gpt2"], d)]
    merges = []
    while len(vocab) < vocab_size:
        counts = Counter(pair for word in words for pair in pairwise(word))
        if not counts:
            break
        best = max(counts, key=lambda pair: (counts[pair], pair))
        for word in words:
            i = 0
            while i + 1 < len(word):
                if (word[i], word[i + 1]) == best:
                    word[i : i + 2] = [word[i] + word[i + 1]]
                i += 1
        merges.append(best)
        vocab.append(best[0] + best[1])
    return dict(enumerate(vocab)), merges


@given(
    text=st.lists(st.sampled_from(["a", "b", "ab", " ", "é", "\n", END, "'s", "  c"]), min_size=1, max_size=40).map(
        "".join
    ),
    extra=st.integers(0, 25),
)
def test_training_equals_the_naive_way(tmp_path_factory, text, extra):
    path = tmp_path_factory.mktemp("naive") / "text.txt"
    path.write_bytes(text.encode())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # short texts run out of pairs
        assert train_bpe(path, 257 + extra, [END]) == naive_train(text, 257 + extra, [END])


def test_real_text_equals_the_naive_way(corpus, tmp_path):
    path = tmp_path / "small.txt"
    path.write_bytes(corpus.read_bytes()[:8_000])
    expected = naive_train(path.read_bytes().decode(), 420, [END])
    assert train_bpe(path, 420, [END]) == expected


def test_the_order_of_ids(trained):
    vocab, merges = trained
    assert list(vocab) == list(range(1200))
    assert vocab[0] == END.encode()
    assert [vocab[i + 1] for i in range(256)] == [bytes([byte]) for byte in range(256)]
    assert [vocab[i + 257] for i in range(len(merges))] == [left + right for left, right in merges]
    assert len(set(vocab.values())) == len(vocab)


def test_special_tokens_are_never_counted(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("ab" + "<|x|>" * 100 + "cd" + "<|x|>" * 100 + "ab")
    _, merges = train_bpe(path, 258, ["<|x|>"])
    assert merges == [(b"a", b"b")]


def test_training_reads_the_file_in_parts(tmp_path):
    """A file larger than one read gives the same counts as its pieces: borders between reads do not show."""
    path = tmp_path / "large.txt"
    line = "It isn't what we've got,   it's what they'll make of it… 狐狸跳过懒狗。\r\n\n"
    path.write_bytes((line * 20_000).encode())
    small = tmp_path / "small.txt"
    small.write_bytes((line * 20).encode())
    large_merges = train_bpe(path, 300)[1]
    assert large_merges == train_bpe(small, 300)[1]


def test_it_stops_with_a_warning_when_no_pair_is_left(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("ab ab")
    with pytest.warns(UserWarning, match="stopped at 258 entries instead of 1000"):
        vocab, merges = train_bpe(path, 1000)
    assert merges == [(b"a", b"b"), (b" ", b"ab")]
    assert len(vocab) == 258


@pytest.mark.parametrize("vocab_size", [0, 256, -5])
def test_a_vocabulary_that_is_too_small_is_refused(corpus, vocab_size):
    with pytest.raises(ValueError, match=f"vocab_size is {vocab_size}, but .* ask for at least 257"):
        train_bpe(corpus, vocab_size, [END])


def test_bad_files_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError):
        train_bpe(tmp_path / "missing.txt", 300)
    empty = tmp_path / "empty.txt"
    empty.touch()
    with pytest.raises(TextFileError, match="is empty"):
        train_bpe(empty, 300)
