import pickle

import numpy as np
import pytest
import tiktoken
from hypothesis import given, strategies as st

from bpe import PATTERNS, Tokenizer, train_bpe

from .conftest import END, SCRIPTS, texts

SPEC_VOCAB = {0: b" ", 1: b"a", 2: b"c", 3: b"e", 4: b"h", 5: b"t", 6: b"th", 7: b" c", 8: b" a", 9: b"the", 10: b" at"}
SPEC_MERGES = [(b"t", b"h"), (b" ", b"c"), (b" ", b"a"), (b"th", b"e"), (b" a", b"t")]
BYTES = {byte: bytes([byte]) for byte in range(256)}


def test_worked_example():
    assert Tokenizer(SPEC_VOCAB, SPEC_MERGES).encode("the cat ate") == [9, 7, 1, 5, 10, 3]


@given(text=texts())
def test_round_trip(tokenizer, text):
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert tokenizer.decode_bytes(ids) == text.encode()


@given(text=texts())
def test_equal_to_tiktoken_with_the_same_vocabulary(tokenizer, text):
    ranks = {token: token_id for token_id, token in tokenizer.vocab.items() if token_id > 0}
    oracle = tiktoken.Encoding(
        "ours", pat_str=PATTERNS["gpt2"], mergeable_ranks=ranks, special_tokens=tokenizer.special_tokens
    )
    stable = text.encode("ascii", errors="ignore").decode() + SCRIPTS  # Unicode versions differ in rare characters
    assert tokenizer.encode(stable) == oracle.encode(stable, allowed_special="all")


def test_equal_to_tiktoken_on_the_corpus(tokenizer, corpus):
    ranks = {token: token_id for token_id, token in tokenizer.vocab.items() if token_id > 0}
    oracle = tiktoken.Encoding(
        "ours", pat_str=PATTERNS["gpt2"], mergeable_ranks=ranks, special_tokens=tokenizer.special_tokens
    )
    text = corpus.read_bytes().decode()
    ids = tokenizer.encode(text)
    assert ids == oracle.encode(text, allowed_special="all")
    assert ids.count(0) == 2
    assert len(ids) < len(text.encode()) / 2.5


@pytest.mark.parametrize("pattern", ["cl100k", "o200k"])
def test_equal_to_tiktoken_with_other_patterns(corpus, pattern):
    vocab, merges = train_bpe(corpus, 500, [END], pattern=pattern)
    ours = Tokenizer(vocab, merges, [END], pattern=pattern)
    ranks = {token: token_id for token_id, token in vocab.items() if token_id > 0}
    oracle = tiktoken.Encoding("ours", pat_str=PATTERNS[pattern], mergeable_ranks=ranks, special_tokens={END: 0})
    text = corpus.read_bytes().decode()
    assert ours.encode(text) == oracle.encode(text, allowed_special="all")


def test_special_tokens_are_never_split_and_the_longer_wins():
    tokenizer = Tokenizer(BYTES, [], [END, END + END])
    assert tokenizer.special_tokens == {END: 256, END + END: 257}
    assert tokenizer.encode(f"a{END}{END}{END}b") == [97, 257, 256, 98]
    assert tokenizer.decode([97, 257, 256]) == f"a{END}{END}{END}"


def test_special_tokens_in_the_vocabulary_keep_their_id():
    tokenizer = Tokenizer(
        {**{i + 1: token for i, token in BYTES.items()}, 0: END.encode(), 700: b"ab"}, [], ["<x>", END]
    )
    assert tokenizer.special_tokens == {"<x>": 701, END: 0}
    assert tokenizer.vocab_size == 702


def test_a_special_token_does_not_replace_the_id_of_a_byte():
    tokenizer = Tokenizer({0: b"\n", **{i + 1: token for i, token in BYTES.items()}}, [], ["\n"])
    assert tokenizer.encode("\n") == [0]
    assert tokenizer.encode("a") == [98]


def test_without_special_tokens_their_text_is_ordinary(trained):
    ids = Tokenizer(*trained).encode(END)
    assert len(ids) > 1
    assert 0 not in ids


def test_malformed_utf8_becomes_the_replacement_character():
    tokenizer = Tokenizer(BYTES, [])
    assert tokenizer.decode([0xE7, 0x8B]) == "\ufffd"
    assert tokenizer.decode([97, 0xFF, 98]) == "a\ufffdb"
    assert tokenizer.decode_bytes([97, 0xFF]) == b"a\xff"


@pytest.mark.parametrize("wrong", [1200, -1, 10**12])
def test_an_id_outside_the_vocabulary_is_named(tokenizer, wrong):
    with pytest.raises(ValueError, match=f"id {wrong} is not in the vocabulary, whose largest id is 1199"):
        tokenizer.decode([5, wrong])


def test_a_byte_outside_the_vocabulary_is_named():
    with pytest.raises(ValueError, match=r"contains the byte b'z' \(in ' z'\)"):
        Tokenizer(SPEC_VOCAB, SPEC_MERGES).encode("the z")


def test_a_merge_outside_the_vocabulary_is_an_error():
    with pytest.raises(ValueError, match="merge 1 makes b'xy', which is not in the vocabulary"):
        Tokenizer({**BYTES, 256: b"ab"}, [(b"a", b"b"), (b"x", b"y")])


def test_a_negative_id_is_an_error():
    with pytest.raises(ValueError, match="id -1 is negative"):
        Tokenizer({-1: b"a"}, [])


def test_the_fingerprint_depends_on_everything_that_determines_ids(trained):
    vocab, merges = trained
    tokenizers = [
        Tokenizer(vocab, merges, [END]),
        Tokenizer(vocab, merges),
        Tokenizer(vocab, merges[:-1], [END]),
        Tokenizer({**vocab, 5: vocab[6], 6: vocab[5]}, merges, [END]),
        Tokenizer(vocab, merges, [END], pattern="cl100k"),
    ]
    assert len({tokenizer.fingerprint for tokenizer in tokenizers}) == len(tokenizers)
    assert Tokenizer(vocab, merges, [END], pattern="gpt2").fingerprint == tokenizers[0].fingerprint


def test_the_fingerprint_of_a_tokenizer_has_not_changed():
    """Token files contain it, so a new option may change it only if the option is used."""
    tokenizer = Tokenizer({**BYTES, 256: b"ab"}, [(b"a", b"b")], ["<x>"])
    assert tokenizer.fingerprint == "94cd996b14a78c069c6385fa752eeaf9f159da5cb5fe65f561d72993070c9d67"
    ignoring = Tokenizer({**BYTES, 256: b"ab"}, [(b"a", b"b")], ["<x>"], ignore_merges=True)
    assert ignoring.fingerprint != tokenizer.fingerprint


def test_ignore_merges_encodes_a_piece_that_is_a_token_as_that_token():
    vocab = {**BYTES, 256: b"ab", 257: b"abcb", 258: b" abcb", 300: b"end"}
    assert Tokenizer(vocab, [(b"a", b"b")], ["end"]).encode("abcb") == [256, 99, 98]
    ours = Tokenizer(vocab, [(b"a", b"b")], ["end"], ignore_merges=True)
    assert ours.ignore_merges
    assert ours.encode("abcb abcb") == [257, 258]
    assert ours.encode("abcbb") == [256, 99, 98, 98]  # a token inside a longer piece is not found
    assert ours.encode("end") == [300]


def test_ignore_merges_does_not_find_special_tokens_in_ordinary_text():
    ours = Tokenizer({**BYTES, 300: b"end"}, [], ["end"], ignore_merges=True)
    assert ours.encode("end") == [300]
    assert ours.encode_ordinary("end") == [101, 110, 100]


def test_special_tokens_can_be_given_with_their_ids():
    tokenizer = Tokenizer({**BYTES, 700: b"<y>", 600: b"<y>"}, [], {"<x>": 1000, "<y>": 700})
    assert tokenizer.special_tokens == {"<x>": 1000, "<y>": 700}
    assert tokenizer.encode("<y><x>") == [700, 1000]
    assert tokenizer.vocab_size == 1001
    with pytest.raises(ValueError, match=r"id 97 is assigned to the special token '<x>' and to b'a'"):
        Tokenizer(BYTES, [], {"<x>": 97})
    with pytest.raises(ValueError, match="id 256 is assigned to the special token '<y>' and to b'<x>'"):
        Tokenizer(BYTES, [], {"<x>": 256, "<y>": 256})
    with pytest.raises(ValueError, match="id -5 is negative"):
        Tokenizer(BYTES, [], {"<x>": -5})


def test_properties_are_copies(tokenizer):
    tokenizer.vocab.clear()
    tokenizer.merges.clear()
    tokenizer.special_tokens.clear()
    assert tokenizer.decode(tokenizer.encode(END + "abc")) == END + "abc"


def test_it_can_be_pickled(tokenizer):
    assert pickle.loads(pickle.dumps(tokenizer)).encode(SCRIPTS) == tokenizer.encode(SCRIPTS)


def test_empty_text(tokenizer):
    assert tokenizer.encode("") == []
    assert tokenizer.encode_ordinary("") == []
    assert tokenizer.encode_to_numpy("").shape == (0,)
    assert tokenizer.encode_batch([]) == []
    assert tokenizer.decode_batch([]) == []
    assert tokenizer.count_tokens("") == 0
    assert tokenizer.decode([]) == ""


@given(text=texts())
def test_encode_ordinary_ignores_special_tokens(tokenizer, trained, text):
    assert tokenizer.encode_ordinary(text) == Tokenizer(*trained).encode(text)


@given(batch=st.lists(texts(20), max_size=4), num_threads=st.sampled_from([None, 1, 3]))
def test_batches_equal_single_calls(tokenizer, batch, num_threads):
    ids = tokenizer.encode_batch(iter(batch), num_threads=num_threads)
    assert ids == [tokenizer.encode(text) for text in batch]
    assert tokenizer.decode_batch(iter(ids)) == batch


@given(text=texts())
def test_arrays_and_counts_equal_the_list(tokenizer, text):
    ids = tokenizer.encode(text)
    array = tokenizer.encode_to_numpy(text)
    assert (array.tolist(), array.dtype) == (ids, np.uint16)
    assert tokenizer.count_tokens(text) == len(ids)
    assert tokenizer.decode(array) == text


@pytest.mark.parametrize(("largest_id", "dtype"), [(65_535, np.uint16), (65_536, np.uint32)])
def test_the_dtype_of_arrays_depends_on_the_vocabulary(largest_id, dtype):
    array = Tokenizer({**BYTES, largest_id: b"the"}, [], ["the"]).encode_to_numpy("the")
    assert (array.tolist(), array.dtype) == ([largest_id], dtype)


def test_counting_does_not_build_a_list(trained):
    reference = Tokenizer(*trained, [END], engine="reference")
    text = "to be or not to be\n" * 20_000
    assert reference.count_tokens(text) == len(reference.encode(text))
    pieces = iter(reference._id_runs(text, "all", ()))
    assert next(pieces) is reference._piece_ids["to"]  # the runs are the entries of the table itself, looked up lazily


@pytest.mark.parametrize("encode", ["encode", "encode_ordinary", "encode_to_numpy", "count_tokens"])
@pytest.mark.parametrize(("text", "place"), [("\ud800", 0), (f"żółw{END} x\udfff\ud800", 19), ("a\ud83d\ude00", 1)])
def test_a_surrogate_is_named_with_its_position(tokenizer, encode, text, place):
    with pytest.raises(
        ValueError, match=f"surrogate {text[place]!r} at character {place}, .* replace".replace("\\", ".")
    ):
        getattr(tokenizer, encode)(text)


@given(text=texts(), surrogate=st.characters(categories=["Cs"]), rest=texts(), size=st.integers(1, 50))
def test_a_surrogate_is_named_with_its_position_in_a_stream(tokenizer, text, surrogate, rest, size):
    whole = text * 40 + surrogate + rest
    chunks = [whole[i : i + size] for i in range(0, len(whole), size)]
    with pytest.raises(ValueError, match=f"at character {len(text) * 40},"):
        list(tokenizer.encode_iterable(chunks))


@pytest.mark.parametrize("num_threads", [0, -1, 1.5, True, "2"])
def test_the_number_of_threads_must_be_positive(tokenizer, num_threads):
    with pytest.raises(ValueError, match=r"num_threads is .*: give a positive integer, or None"):
        tokenizer.encode_batch(["a"], num_threads=num_threads)


def test_a_single_string_is_not_a_batch(tokenizer):
    with pytest.raises(ValueError, match="texts is a single string: give a list"):
        tokenizer.encode_batch("text")


@pytest.mark.parametrize("engine", ["auto", "reference"])
def test_the_engine_does_not_change_the_ids(trained, tokenizer, engine):
    chosen = Tokenizer(*trained, [END], engine=engine)
    assert chosen.encode(SCRIPTS) == tokenizer.encode(SCRIPTS)
    assert chosen.fingerprint == tokenizer.fingerprint


def test_an_unknown_engine_is_an_error(trained):
    with pytest.raises(ValueError, match="engine is 'fast': give one of 'auto', 'reference', 'compiled'"):
        Tokenizer(*trained, engine="fast")


@pytest.mark.parametrize("text", [b"text", None, ["text"], 7])
@pytest.mark.parametrize(
    "method", ["encode", "encode_ordinary", "encode_to_numpy", "count_tokens", "encode_with_offsets"]
)
def test_what_is_not_a_text(tokenizer, method, text):
    with pytest.raises(ValueError, match=f"the text is of type {type(text).__name__}: give a str"):
        getattr(tokenizer, method)(text)
    with pytest.raises(ValueError, match=f"the text is of type {type(text).__name__}: give a str"):
        tokenizer.encode_batch(["a", text])


def test_a_text_in_place_of_a_path(tokenizer):
    with pytest.raises(ValueError, match=r"which is a text .*: to encode a text, call encode_to_numpy\(text\)"):
        tokenizer.encode_file_to_numpy("to be\nor not to be")
    for read in (Tokenizer.load, Tokenizer.from_tiktoken, lambda path: Tokenizer.from_files(path, path)):
        with pytest.raises(ValueError, match="which is a text and not the path of a file"):
            read('{"model":\n{}}')
