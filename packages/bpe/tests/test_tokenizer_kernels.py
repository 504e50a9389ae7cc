"""When a tokenizer encodes with the kernels, and loading them in advance."""

import pytest

from bpe import Tokenizer, tokenizer_kernels

pytest.importorskip("numba", reason="needs numba")
from bpe.compiled import encoder

from .conftest import END


def test_a_vocabulary_without_all_bytes_has_kernels(kernels):
    vocab = {byte: bytes([byte]) for byte in range(128)}
    for engine in ("reference", "compiled"):
        tokenizer = Tokenizer(vocab, [], engine=engine)
        assert tokenizer.load_kernels(1) == (engine == "compiled")
        assert tokenizer.encode("abc") == [97, 98, 99]
        with pytest.raises(ValueError, match=r"contains the byte b'\\xc3' \(in 'é'\), which is not in the vocabulary"):
            tokenizer.encode("é")


def test_ids_of_missing_bytes_that_need_more_than_16_bits_are_left_to_the_reference(kernels):
    vocab = {byte: bytes([byte]) for byte in range(128)} | {65_535: b"<s>"}
    tokenizer = Tokenizer(vocab, [], ["<s>"], engine="compiled")
    assert not tokenizer.load_kernels(1)
    assert tokenizer.encode("a<s>") == [97, 65_535]


def test_a_vocabulary_that_the_kernels_cannot_represent_is_tried_once_and_warned_of(kernels, monkeypatch):
    vocab = {byte: bytes([byte]) for byte in range(128)} | {65_535: b"<s>"}
    tokenizer = Tokenizer(vocab, [], ["<s>"], engine="compiled")
    tried = []
    build = Tokenizer._build_encoder
    monkeypatch.setattr(Tokenizer, "_build_encoder", lambda self: (tried.append(1), build(self))[1])
    assert not tokenizer.load_kernels(1)
    assert tokenizer.encode("small") == [*b"small"]
    monkeypatch.setattr(tokenizer_kernels, "LARGE", 6)
    tokenizer_kernels.warn_of_reference.cache_clear()
    with pytest.warns(UserWarning, match="the kernels cannot represent this vocabulary"):
        assert tokenizer.encode("larger") == [*b"larger"]
    assert tokenizer.encode("larger again") == [*b"larger again"]  # without another warning
    assert tried == [1]


def test_kernels_can_be_loaded_before_the_first_text(trained, monkeypatch):
    tokenizer = Tokenizer(*trained, [END])
    assert tokenizer.load_kernels(3)
    assert tokenizer._encoder is not None
    assert len(tokenizer._encoder._idle) == 3
    monkeypatch.setattr(encoder, "Worker", None)  # no more are created
    text = "Everything is loaded before the first text. " * 9
    assert tokenizer.encode(text) == Tokenizer(*trained, [END], engine="reference").encode(text)
    assert not Tokenizer(*trained, [END], engine="reference").load_kernels()
    with pytest.raises(ValueError, match="num_threads is 0"):
        tokenizer.load_kernels(0)


def test_without_the_extra_there_are_no_kernels_to_load(trained, monkeypatch):
    monkeypatch.setattr("bpe.tokenizer_kernels.kernels_installed", lambda: False)
    assert not Tokenizer(*trained, [END]).load_kernels()
