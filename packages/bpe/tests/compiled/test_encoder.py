"""The compiled path gives the textbook's ids, and the peers', whatever is asked in whatever way."""

import argparse
import copy
import inspect
import multiprocessing
import os
import pickle
import random
import tarfile
import threading
from typing import NamedTuple

import numpy as np
import pytest
import tiktoken
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from bpe import PATTERNS, TextFileError, Tokenizer, encode_file, open_token_file

pytest.importorskip("numba", reason="needs numba")
from bpe.compiled import encoder as encoder_module

from ..conftest import END, SCRIPTS, texts

BYTES = {byte: bytes([byte]) for byte in range(256)}
CUSTOM = r"[\w']+|\s"  # skips some characters, which the package keeps as pieces of their own


class Both(NamedTuple):
    textbook: Tokenizer
    compiled: Tokenizer

    def check(self, text, **choice):
        expected = self.textbook.encode(text, **choice)
        found = self.compiled.encode(text, **choice)
        assert found == expected, text[:1000]
        return found


def both(vocab, merges, special_tokens=None, **options):
    return Both(*(Tokenizer(vocab, merges, special_tokens, engine=engine, **options) for engine in Both._fields))


def odd_bytes(vocab, merges):
    """Bytes in another order, ids with gaps, and more than 65,536 of them."""
    ids = list(range(70_000, 70_000 + 3 * len(vocab), 3))
    random.Random(0).shuffle(ids)
    return both(dict(zip(ids, vocab.values(), strict=True)), merges, [END])


def random_merges(seed, alphabet, count, **options):
    """Merges in any order, whose results no training would ever have made; ranks do not follow ids or lengths."""
    generator = random.Random(seed)
    tokens = [bytes([byte]) for byte in alphabet]
    merges = []
    for _ in range(count):
        left, right = generator.choice(tokens), generator.choice(tokens)
        if len(left + right) <= 40:
            merges.append((left, right))
            tokens.append(left + right)
    generator.shuffle(merges)
    vocab = [*BYTES.values(), *dict.fromkeys(token for token in tokens if len(token) > 1)]
    return both(dict(enumerate(vocab)), merges, **options)


def taken_whole():
    """Tokens of all lengths that no merge makes, which only `ignore_merges` lets stand for themselves."""
    words = [b"a" * k for k in (2, 3, 7, 14, 15, 16, 17, 48, 49, 255, 1023, 1024)]
    words += ["狐跳".encode(), b" the cat", b"\x00\x00", b"incomprehensibilities"]
    return both(
        dict(enumerate([*BYTES.values(), *words, b"aa", b" t"])),
        [(b"a", b"a"), (b" ", b"t")],
        [END],
        ignore_merges=True,
    )


@pytest.fixture(scope="module")
def pairs(trained, gpt2_files, kernels):
    vocab, merges = trained
    gpt2 = Both(*(Tokenizer.from_files(*gpt2_files, [END]) for _ in range(2)))
    gpt2.textbook._engine, gpt2.compiled._engine = "textbook", "compiled"
    return {
        "gpt2": gpt2,
        "trained": both(vocab, merges, [END]),
        "cl100k": both(vocab, merges, [END], pattern="cl100k"),
        "o200k": both(vocab, merges, [END], pattern="o200k"),
        "custom": both(vocab, merges, [END], pattern=CUSTOM),
        "odd": odd_bytes(vocab, merges),
        "few": random_merges(1, b"ab ", 60),
        "many": random_merges(2, b"abcdef \xc3\xa9\x00", 3000),
        "wide": random_merges(3, b"ab", 200, special_tokens={END: 99_999}),
        "bare": both(BYTES, [], [END]),
        "whole": taken_whole(),
    }


NAMES = ["gpt2", "trained", "cl100k", "o200k", "custom", "odd", "few", "many", "wide", "bare", "whole"]


runs = st.lists(st.tuples(st.sampled_from(["a", "b", "ab", "é", " ", "狐", "9", "\x00", "cd"]), st.integers(1, 60)))
repetitive = runs.map(lambda found: "".join(unit * count for unit, count in found))


@pytest.mark.parametrize("name", NAMES)
@given(text=texts() | st.text(st.characters(codec="utf-8")) | repetitive | st.text("ab", max_size=80))
def test_ids_are_the_textbooks(pairs, name, text):
    pair = pairs[name]
    ids = pair.check(text)
    assert pair.compiled.decode(ids) == text
    pair.check(text, allowed_special=())


@pytest.mark.parametrize("name", NAMES)
@given(strings=st.lists(texts(), max_size=6), num_threads=st.sampled_from([1, 2, 5]))
def test_every_way_to_encode_gives_the_same(pairs, name, strings, num_threads):
    textbook, compiled = pairs[name]
    expected = [textbook.encode(text) for text in strings]
    assert compiled.encode_batch(strings, num_threads=num_threads) == expected
    for text, ids in zip(strings, expected, strict=True):
        array = compiled.encode_to_numpy(text)
        assert array.dtype == (np.uint16 if compiled.vocab_size <= 65_536 else np.uint32)
        assert array.tolist() == ids
        assert compiled.count_tokens(text) == len(ids)
        assert compiled.encode_with_offsets(text) == textbook.encode_with_offsets(text)
        assert compiled.encode_ordinary(text) == textbook.encode_ordinary(text)
    assert list(compiled.encode_iterable(strings)) == textbook.encode("".join(strings))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


@pytest.mark.parametrize("num_threads", [1, 2, 5])
@given(text=texts(100), seed=st.integers(0, 9))
def test_files_cut_into_many_chunks(pairs, folder, num_threads, text, seed):
    """With chunks of some dozen bytes, so that borders fall everywhere."""
    name = NAMES[seed % len(NAMES)]
    textbook, compiled = pairs[name]
    path = folder / "text"
    path.write_bytes(("." + text).encode())
    expected = textbook.encode("." + text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoder_module, "CHUNK_BYTES", 16 + seed)
        assert compiled.encode_file_to_numpy(path, num_threads=num_threads).tolist() == expected
        info = encode_file(compiled, path, folder / "ids", num_threads=num_threads)
        assert open_token_file(folder / "ids").tolist() == expected
        assert info.count == len(expected)
        assert compiled.encode("." + text) == expected


def test_ids_survive_what_other_threads_encode_meanwhile(pairs, tmp_path, monkeypatch):
    """An array is the caller's until the next one is asked for, also if the tokenizer is used in between."""
    textbook, compiled = pairs["gpt2"]
    monkeypatch.setattr(encoder_module, "CHUNK_BYTES", 64)
    path = tmp_path / "text"
    text = "to be or not to be, that is the question; " * 20
    path.write_text(text)
    specials = compiled._specials
    for num_threads in (1, 2):
        ids = []
        for run in compiled._compiled(1).file_runs(path, specials, num_threads):
            compiled.encode("quite another text " * 10)
            ids += run.tolist()
        assert ids == textbook.encode(text)
    ids = []
    for run in compiled._compiled(1).runs(text, specials):
        compiled.encode("quite another text " * 10)
        ids += run.tolist()
    assert ids == textbook.encode(text)


SPECIAL_SETS = [
    ["<a>", "<a><b>", "<b>", "a", "<"],
    ["é", "狐狐", "狐", "\U0001f44d\U0001f3fd", "\U0001f44d", "\x00"],
    [" ", "  ", "'", "'s", "the"],
    [f"<|{k}|>" for k in range(300)],
    [chr(c) for c in range(0x20, 0x7F)] + [chr(c) for c in range(0x400, 0x500)],
]


@pytest.mark.parametrize("tokens", SPECIAL_SETS)
@given(data=st.data())
def test_special_tokens(trained, tokens, data):
    pair = _with_specials(trained, tokens)
    awkward = st.sampled_from([*tokens, *(token[:-1] for token in tokens), "the fox's", " 9", "狐"])
    text = "".join(data.draw(st.lists(awkward | st.text(max_size=3), max_size=40)))
    pair.check(text)
    allowed = data.draw(st.sets(st.sampled_from(tokens), max_size=4))
    pair.check(text, allowed_special=allowed)
    outcomes = []
    for tokenizer in pair:
        try:
            outcomes.append(tokenizer.encode(text, allowed_special=allowed, disallowed_special="all"))
        except ValueError as error:
            outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]


_pairs_with_specials = {}


def _with_specials(trained, tokens):
    key = tuple(tokens)
    if key not in _pairs_with_specials:
        _pairs_with_specials[key] = both(*trained, tokens)
    return _pairs_with_specials[key]


@pytest.mark.parametrize("name", NAMES)
def test_text_that_no_one_here_wrote(pairs, name, python_manual):
    for text in (python_manual, inspect.getsource(tarfile) + inspect.getsource(argparse), SCRIPTS * 300, SCRIPTS[::-1]):
        pairs[name].check(text)


def test_gpt2_ids_are_the_peers(pairs, gpt2_files, python_manual, tmp_path):
    compiled = pairs["gpt2"].compiled
    peer = tokenizers.Tokenizer(tokenizers.models.BPE.from_file(*map(str, gpt2_files)))
    peer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    text = python_manual + inspect.getsource(tarfile) + SCRIPTS
    assert compiled.encode(text) == peer.encode(text).ids


@pytest.mark.parametrize("pattern", PATTERNS)
def test_ids_are_tiktokens(trained, pattern, python_manual):
    vocab, merges = trained
    ranks = {token: token_id for token_id, token in vocab.items() if token != END.encode()}
    peer = tiktoken.Encoding(
        "peer", pat_str=PATTERNS[pattern], mergeable_ranks=ranks, special_tokens={END: next(iter(vocab))}
    )
    compiled = Tokenizer(vocab, merges, [END], pattern=pattern, engine="compiled")
    # Its Unicode may be older than that of `regex`: every one knows these.
    text = python_manual + inspect.getsource(tarfile) + f"{END}Żółta gęś,狐狸跳过懒狗. don't 12345\r\n\n  x" * 50
    assert compiled.encode(text) == peer.encode(text, allowed_special="all")
    assert compiled.encode_ordinary(text) == peer.encode_ordinary(text)


LONG_UNITS = ["a", " ", "!", "7", "👍", "狐", "\n", "ab", "\x00", "é", "\u3000", "'s", "Ab", "a b"]


@pytest.mark.parametrize("name", ["gpt2", "o200k", "cl100k", "odd", "few", "custom"])
@pytest.mark.parametrize("unit", LONG_UNITS)
def test_very_long_pieces(pairs, name, unit):
    """Longer than a chunk, and then around the limits that pieces of other sizes are treated by."""
    compiled = pairs[name].compiled
    text = unit * (400_000 // len(unit))
    ids = compiled.encode(text)
    assert compiled.decode(ids) == text
    pairs[name].check(text[:20_000])
    for length in (7, 14, 15, 16, 17, 47, 48, 49, 255, 1022, 1023, 1024, 1025, 1026, 2047, 2048, 2049, 3100):
        pairs[name].check(unit * length)
        pairs[name].check("x" + unit * length + "y")


def test_a_megabyte_of_one_letter(pairs):
    textbook, compiled = pairs["gpt2"]
    ids = compiled.encode("a" * 1_000_000 + "!")
    assert ids == textbook.encode("a" * 1_000_000 + "!")


@given(
    lengths=st.lists(st.sampled_from([1, 14, 15, 16, 17, 47, 48, 49, 1023, 1024, 1025, 2048]), min_size=1, max_size=6),
    seed=st.integers(0, 1 << 20),
)
def test_pieces_at_the_limits_of_each_way_to_keep_them(pairs, lengths, seed):
    generator = random.Random(seed)
    text = " ".join("".join(generator.choices("abcdef", k=length)) for length in lengths)
    for name in ("many", "few", "custom", "odd", "whole"):
        pairs[name].check(text)
        pairs[name].check(text + " " + text)


def test_tokens_that_merges_do_not_make(pairs):
    """With `ignore_merges` a piece that is a token is that token, however long it is, and nothing else is."""
    textbook, compiled = pairs["whole"]
    for token in textbook._vocab.values():
        try:
            text = token.decode()
        except UnicodeDecodeError:
            continue
        for around in (text, text + "!", "!" + text, text + text[:1]):
            pairs["whole"].check(around)
    assert compiled._encoder is not None
    assert len(compiled.encode("a" * 1024)) == 1


@pytest.mark.parametrize(
    "words",
    [
        [b"incomprehensible%x" % k for k in range(0x100000, 0x100000 + 40_000)],
        [b"w%x" % k for k in range(0x100000, 0x100000 + 400_000)],
        [b"a" * 1000 + b"%x" % k for k in range(0x100000, 0x100000 + 5000)],
        [b"a" * 3000],
    ],
    ids=["many long", "many short", "many bytes", "a very long one"],
)
def test_more_tokens_taken_whole_than_the_cache_takes(words):
    """Then the textbook serves."""
    pair = both(dict(enumerate([*BYTES.values(), *words])), [], ignore_merges=True, pattern=r"[a-z0-9]+")
    sample = [*words[:200], *words[len(words) // 2 :][:200], *words[-200:]]
    ids = pair.check(" ".join(word.decode() for word in sample))
    assert len(ids) == 2 * len(sample) - 1


@pytest.mark.parametrize("position", [0, 5, 63, 64, 300_000])
def test_surrogates_are_named_as_by_the_textbook(pairs, position, tmp_path):
    text = "a " * (position // 2) + "a" * (position % 2) + "\ud800 b"
    for name in ("gpt2", "custom"):
        messages = []
        for tokenizer in pairs[name]:
            for call in (
                tokenizer.encode,
                tokenizer.encode_ordinary,
                tokenizer.encode_to_numpy,
                tokenizer.count_tokens,
                tokenizer.encode_with_offsets,
                lambda text: tokenizer.encode_batch(["x", text], num_threads=2),  # noqa: B023
                lambda text: list(tokenizer.encode_iterable([text[:7], text[7:]])),  # noqa: B023
            ):
                with pytest.raises(ValueError, match=f"surrogate .* at character {position}") as caught:
                    call(text)
                assert not isinstance(caught.value, UnicodeError)
                messages.append(str(caught.value))
        assert len(set(messages)) == 1


MALFORMED = [
    *(b"\x80", b"\xff", b"\xc0\x80", b"\xe0\x80\x80", b"\xf0\x80\x80\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"),
    *(b"\xc3", b"\xe7", b"\xe7\x8b", b"\xf0\x9f", b"\xf0\x9f\x91", b"\xf0\x9f\x91 ", b"\xe7 ", b"\xe7\x8b'"),
]


@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("wrong", MALFORMED)
def test_a_file_that_is_not_utf8(pairs, folder, wrong, num_threads, monkeypatch):
    """The message names file, byte and offset, and is the textbook's, also where chunks meet."""
    monkeypatch.setattr(encoder_module, "CHUNK_BYTES", 64)
    path = folder / "latin"
    for before in [0, 1, *range(56, 70), *range(120, 132), 191]:
        for fill, after in (
            (b"a", b""),
            (b"a", b" b" * 40),
            (b"a ", b"a" * 70),
            ("狐".encode(), b"'"),
            (b"a", b"b!" * 40),
        ):
            content = (fill * before)[: before - before % len(fill)] + wrong + after
            path.write_bytes(content)
            messages = []
            for tokenizer in pairs["gpt2"]:
                with pytest.raises(TextFileError) as caught:
                    tokenizer.encode_file_to_numpy(path, num_threads=num_threads)
                messages.append(str(caught.value))
            assert messages[0] == messages[1], content
            assert str(path) in messages[0]
            assert f"at offset {before - before % len(fill)} " in messages[0]


def test_an_empty_file(pairs, tmp_path):
    path = tmp_path / "empty"
    path.touch()
    for name in ("gpt2", "custom"):
        for tokenizer in pairs[name]:
            with pytest.raises(TextFileError, match="empty is empty"):
                tokenizer.encode_file_to_numpy(path)


@pytest.mark.skipif(not os.path.exists("/proc/version"), reason="Linux alone has such files")
def test_a_file_whose_size_the_system_does_not_tell(pairs):
    compiled = pairs["gpt2"].compiled
    assert os.stat("/proc/version").st_size == 0
    with open("/proc/version") as file:
        assert compiled.decode(compiled.encode_file_to_numpy("/proc/version").tolist()) == file.read()


def test_many_threads_share_a_tokenizer(pairs, python_manual):
    textbook, compiled = pairs["trained"]
    documents = [python_manual[k : k + 20_000] for k in range(0, 400_000, 20_000)]
    expected = [textbook.encode(document) for document in documents]
    wrong = []

    def work(seed):
        order = list(range(len(documents)))
        random.Random(seed).shuffle(order)
        wrong.extend(k for k in order if compiled.encode(documents[k]) != expected[k])

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_copies_after_use(pairs):
    compiled = pairs["gpt2"].compiled
    expected = compiled.encode(SCRIPTS)
    for other in (pickle.loads(pickle.dumps(compiled)), copy.deepcopy(compiled), copy.copy(compiled)):
        assert other.encode(SCRIPTS) == expected


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_other_processes_after_use(pairs, method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip("not on this system")
    compiled = pairs["odd"].compiled
    expected = compiled.encode(SCRIPTS)
    with multiprocessing.get_context(method).Pool(1) as pool:
        assert pool.apply_async(compiled.encode, (SCRIPTS,)).get(timeout=60) == expected


def test_bytes_that_the_vocabulary_lacks_are_the_textbooks_matter(kernels):
    vocab = {k: token for k, token in BYTES.items() if k < 128}
    pair = both(vocab, [])
    assert pair.check("abc") == [97, 98, 99]
    for tokenizer in pair:
        with pytest.raises(ValueError, match="not in the vocabulary"):
            tokenizer.encode("é")


def test_kernels_may_be_loaded_before_the_first_text(trained, monkeypatch):
    tokenizer = Tokenizer(*trained, [END])
    assert tokenizer.load_kernels(3)
    assert tokenizer._encoder is not None
    assert len(tokenizer._encoder._idle) == 3
    monkeypatch.setattr(encoder_module, "Worker", None)  # no more are made
    text = "All is ready before the first text comes. " * 9
    assert tokenizer.encode(text) == Tokenizer(*trained, [END], engine="textbook").encode(text)
    assert not Tokenizer(*trained, [END], engine="textbook").load_kernels()
    with pytest.raises(ValueError, match="num_threads is 0"):
        tokenizer.load_kernels(0)


def test_there_is_nothing_to_load_without_the_extra(trained, monkeypatch):
    monkeypatch.setattr("bpe.tokenizer.kernels_installed", lambda: False)
    assert not Tokenizer(*trained, [END]).load_kernels()
