"""The caches of a worker: they grow, they are emptied, and they never change an id."""

import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, strategies as st

from bpe import Tokenizer

pytest.importorskip("numba", reason="needs numba")
from bpe.compiled import worker as worker_module
from bpe.compiled.calling import Arguments, aligned, key_masks
from bpe.compiled.model import CompiledModel, adjacent_bytes
from bpe.compiled.worker import NotUtf8Error, Specials, Worker
from bpe.kernels.encoding import layout as encoding
from bpe.kernels.scanning import layout as scanning

from ..conftest import END, texts

BYTES = {byte: bytes([byte]) for byte in range(256)}
NONE = Specials({})


def make_worker(tokenizer):
    encoder = tokenizer._compiled(1)
    return Worker(encoder._model)


def encode(worker, text, specials=NONE):
    data = text.encode()
    worker.buffer(len(data))[:] = data
    return worker.encode_buffer(len(data), specials).tolist()


def wide(trained):
    """With ids of 32 bits, of which a slot of the table has room for three; of 16 bits it has room for seven."""
    vocab, merges = trained
    return {**vocab, 70_000: b"far away"}, merges


@pytest.fixture(scope="module", params=["16 bits", "32 bits"])
def pair(request, trained, kernels):
    vocab, merges = trained if request.param == "16 bits" else wide(trained)
    reference, compiled = (Tokenizer(vocab, merges, [END], engine=engine) for engine in ("reference", "compiled"))
    compiled.encode("x")
    assert compiled._encoder.dtype == (np.uint16 if request.param == "16 bits" else np.uint32)
    return reference, compiled


@given(strings=st.lists(texts(), min_size=1, max_size=8))
def test_one_worker_serves_many_texts(pair, strings):
    reference, compiled = pair
    with compiled._encoder._worker() as worker:
        for text in [*strings, *strings]:
            assert encode(worker, text) == reference.encode_ordinary(text)


def words(count, seed=0, letters="abcxyzé狐0 "):
    """Texts of random words with one to forty letters, so that some have many ids."""
    generator = random.Random(seed)
    for _ in range(count):
        yield " ".join(
            "".join(generator.choices(letters, k=generator.choice([2, 5, 9, 14, 15, 16, 17, 40]))) for _ in range(300)
        )


def test_a_table_that_is_half_full_grows(pair, monkeypatch):
    reference, compiled = pair
    monkeypatch.setattr(worker_module, "_MAX_SLOTS", 1 << 16)
    worker = make_worker(compiled)
    places = [worker._a[encoding.SHORT_CACHE].size // 4]
    for text in [*words(80), *words(80)]:
        assert encode(worker, text) == reference.encode_ordinary(text)
        used = worker._counters[encoding.SHORT_USED]
        places.append(worker._a[encoding.SHORT_CACHE].size // 4)
        assert used <= 3 * places[-1] // 4
        assert np.count_nonzero(worker._a[encoding.SHORT_CACHE].reshape(-1, 4)[:, 1]) == used
    assert sorted(set(places)) == [1 << 14, 1 << 15, 1 << 16]


def test_a_full_cache_is_emptied_and_refilled_with_the_vocabulary(pair, monkeypatch):
    reference, compiled = pair
    monkeypatch.setattr(worker_module, "_MAX_SLOTS", 1 << 14)
    worker = make_worker(compiled)
    known = worker._counters[encoding.SHORT_USED]
    used = []
    for text in words(120):
        assert encode(worker, text) == reference.encode_ordinary(text)
        used.append(int(worker._counters[encoding.SHORT_USED]))
    assert any(later < earlier for earlier, later in pairwise(used))
    assert min(used) >= known
    assert max(used) <= 3 * (1 << 14) // 4


@pytest.mark.parametrize("limit", ["_KEPT_BYTES", "_KEPT_IDS", "_LONG_BITS"])
def test_each_store_of_long_pieces_may_be_full(pair, monkeypatch, limit):
    reference, compiled = pair
    monkeypatch.setattr(worker_module, limit, 6 if limit == "_LONG_BITS" else 4096)
    worker = make_worker(compiled)
    counters = []
    joined = "estr"  # any two are side by side in some token, so that long pieces are not cut
    for text in [*words(30, letters=joined), *words(30, letters=joined)]:
        assert encode(worker, text) == reference.encode_ordinary(text)
        counters.append(worker._counters.copy())
    stores = np.array(counters)[:, [encoding.LONG_USED, encoding.BYTES_USED, encoding.IDS_USED]]
    assert stores.all(axis=0).all()
    assert (np.diff(stores, axis=0) < 0).any(axis=0).all()  # each was emptied at some time


@pytest.mark.parametrize("count", range(1, 16))
def test_pieces_of_one_to_fifteen_ids(kernels, count):
    """Up to three ids of 32 bits or seven of 16 are in the slot itself, more are elsewhere."""
    for extra in ({}, {70_000: b"far away"}):
        worker = make_worker(Tokenizer({**BYTES, **extra}, [], engine="compiled"))
        text = "abcdefghijklmno"[:count] + "!" + "x" * count
        for _ in range(3):
            assert encode(worker, text) == list(text.encode())


def test_buffers_grow_and_old_text_has_no_effect(pair):
    reference, compiled = pair
    worker = make_worker(compiled)
    for length in (10, 400_000, 0, 3, 64, 500_000, 1):
        text = ("the fox " * (length // 8 + 1))[:length]
        assert encode(worker, text) == reference.encode(text)


def test_it_works_after_an_error(pair):
    reference, compiled = pair
    worker = make_worker(compiled)
    worker.buffer(6)[:] = b"abc \xff "
    with pytest.raises(NotUtf8Error):
        worker.encode_buffer(6, NONE)
    assert encode(worker, "the fox") == reference.encode("the fox")


def test_specials_change_from_call_to_call(pair):
    reference, compiled = pair
    worker = make_worker(compiled)
    (end,) = reference.encode(END)
    some = Specials({END: end})
    for _ in range(2):
        assert encode(worker, f"a{END}b", some) == reference.encode(f"a{END}b")
        assert encode(worker, f"a{END}b") == reference.encode_ordinary(f"a{END}b")


@given(
    tokens=st.lists(st.binary(min_size=1, max_size=5) | st.sampled_from([b"\0", b"\0\0", b"a\0", b"\0a"]), min_size=1)
)
def test_adjacent_bytes(tokens):
    found = np.unpackbits(adjacent_bytes(dict.fromkeys(tokens, 0)).view(np.uint8), bitorder="little")
    expected = {token[k] << 8 | token[k + 1] for token in tokens for k in range(len(token) - 1)}
    assert set(np.flatnonzero(found).tolist()) == expected


def test_key_masks():
    low, high, length = key_masks().reshape(3, 17).tolist()
    for m in range(16):
        assert (low[m] | high[m] << 64) == (1 << 8 * m) - 1
        assert length[m] == m << 56
    assert (low[16], high[16], length[16]) == (0, 0, 16 << 56)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint64])
def test_aligned_arrays(dtype):
    for length in (1, 63, 1000):
        for zeros in (False, True):
            array = aligned(length, dtype, zeros=zeros)
            assert (array.size, array.dtype, array.ctypes.data % 64) == (length, dtype, 0)
            assert not zeros or not array.any()


def test_arrays_that_are_not_contiguous_are_errors():
    with pytest.raises(TypeError, match="contiguous"):
        Arguments()[scanning.TEXT] = np.zeros(8, np.uint8)[::2]


def test_arguments_can_be_updated():
    first, second = Arguments(), Arguments()
    array = np.zeros(3, np.uint8)
    first[scanning.TEXT], first[encoding.SHORT_CACHE_SHIFT] = array, 5
    second[encoding.TEXT_LENGTH] = 7
    second.update(first)
    assert second[scanning.TEXT] is array
    assert second._values[
        [scanning.TEXT, scanning.TEXT + 1, encoding.SHORT_CACHE_SHIFT, encoding.TEXT_LENGTH]
    ].tolist() == [
        array.ctypes.data,
        3,
        5,
        7,
    ]


def test_a_model_chooses_the_width_of_ids(kernels):
    for vocab_size, dtype in ((65_536, np.uint16), (65_537, np.uint32)):
        ids = {token: byte for byte, token in BYTES.items()}
        model = CompiledModel(ids, [], ids, pattern="x", vocab_size=vocab_size, ignore_merges=False)
        assert model.dtype == dtype


def test_ignore_merges_finds_every_token_of_a_large_vocabulary():
    """Only the cache has the ids of pieces that are tokens: none of 230,000 may be missing there."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    tokens = [
        first + second + third + fourth
        for first in letters
        for second in letters
        for third in letters
        for fourth in letters[:13]
    ]
    vocab = {byte: bytes([byte]) for byte in range(256)}
    vocab |= {256 + k: token.encode() for k, token in enumerate(tokens)}
    tokenizer = Tokenizer(vocab, [], ignore_merges=True, engine="compiled")
    assert tokenizer.encode("\n".join(tokens))[::2] == list(range(256, 256 + len(tokens)))
    assert tokenizer._encoder is not None
