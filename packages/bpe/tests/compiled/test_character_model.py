"""BPE over characters: the kernels, by a model of bytes, against the reference."""

import random

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

pytest.importorskip("numba", reason="needs numba")

from bpe.added_tokens import AddedToken
from bpe.character_model import CharacterModel
from bpe.compiled.character_model import Expansion, byte_model
from bpe.normalizers import Prepend, Replace
from bpe.pre_tokenizers import Split, SplitSteps
from bpe.text_rules import Metaspace, TextRules

from .conftest import both

BYTE_TOKENS = [b"<0x%02X>" % byte for byte in range(256)]
KNOWN = "▁abcxy .,é狐ひ한👍\n<>"  # é with a two-byte relative ê, 狐 with 狸, 👍 with 👎, which are not known
TEXTS = st.text(st.sampled_from("▁abcxyABZ .,éê狐狸犬ひび한핟👍👎🏽\n\t<>0\x00\x7f"), max_size=40)
SPACES = (Replace(" ", "▁"),)
LLAMA = TextRules(normalizer=(Prepend("▁"), Replace(" ", "▁")))
GEMMA = TextRules(
    normalizer=SPACES,
    added_tokens=tuple(AddedToken(content, 5000 + i) for i, content in enumerate(("\n", "<b>", "▁▁"))),
)
AT_SPACES = SplitSteps([Split(r"\ ", "MergedWithPrevious")])


def model(seed=0, *, largest_id=None, across=True, **options):
    """Return a vocabulary of characters with merges of random pairs. The special token has the largest id."""
    generator = random.Random(seed)
    tokens = [character.encode() for character in KNOWN]
    merges = []
    for _ in range(80):
        left, right = generator.choice(tokens), generator.choice(tokens)
        if len(left + right) > 40 or (not across and "▁".encode() in (left[1:] + right)):
            continue
        merges.append((left, right))
        tokens.append(left + right)
    generator.shuffle(merges)
    distinct = dict.fromkeys([*BYTE_TOKENS, *tokens])
    vocab = dict(enumerate(distinct, start=0 if largest_id is None else largest_id - len(distinct)))
    options = {"pattern": r"[\s\S]+", "characters": CharacterModel(byte_fallback=True)} | options
    return both(vocab, list(dict.fromkeys(merges)), ["<s>"], **options)


FORMS = {
    "whole": {},
    "llama": {"rules": LLAMA},
    "llama, short pieces": {"rules": LLAMA, "across": False},
    "gemma": {"rules": GEMMA, "pattern": AT_SPACES},
    "gemma, short pieces": {"rules": GEMMA, "pattern": AT_SPACES, "across": False},
    "metaspace": {"rules": TextRules(metaspace=Metaspace(prepend="first"))},
    "words": {"rules": LLAMA, "pattern": r"[a-z]+|[^a-z]"},
    "steps": {"rules": LLAMA, "pattern": SplitSteps([Split("[a-z]", "Contiguous")])},
    "ignore_merges": {"rules": LLAMA, "pattern": r"[a-z]+|[^a-z]", "ignore_merges": True},
    "large ids": {"rules": LLAMA, "largest_id": 0xFFFF},
}


@pytest.mark.parametrize("form", FORMS)
def test_equal_ids(form):
    pairs = [model(seed, **FORMS[form]) for seed in range(3)]

    @settings(max_examples=60)
    @given(text=TEXTS, more=st.sampled_from(["", "<s>", " <b>a", "狐狸" * 20, "a▁" * 30]), seed=st.integers(0, 2))
    def check(text, more, seed):
        pair = pairs[seed]
        ids = pair.check(text + more)
        assert pair.compiled.encode_to_numpy(text + more).tolist() == ids
        chunks = [text[:3], text[3:], more]
        assert list(pair.compiled.encode_iterable(chunks)) == ids
        assert pair.compiled.encode_batch([text, more], allowed_special=()) == [
            pair.reference.encode(part, allowed_special=()) for part in (text, more)
        ]

    check()
    assert all(pair.compiled._encoder is not None for pair in pairs)


@pytest.mark.parametrize("form", ["whole", "llama, short pieces", "gemma", "large ids"])
def test_files(form, tmp_path):
    pair = model(5, **FORMS[form])
    words = random.Random(1).choices(["ab", "▁a", " abc", "狐", "狸", "\n", "👎", ", ", "<s>", "<b>", "xyx"], k=60_000)
    path = tmp_path / "text.txt"
    path.write_text("".join(words), "utf-8")
    expected = list(pair.reference.encode_iterable(["".join(words)]))
    for num_threads in (1, 2):
        ids = pair.compiled.encode_file_to_numpy(path, num_threads=num_threads)
        assert ids.tolist() == expected
        assert ids.dtype == np.uint16


def test_expansion():
    expansion = Expansion(100, np.dtype(np.uint16), [[1, 2], [3, 4, 5]])
    given_ids = np.array([7, 100, 101, 101, 99, 100], np.uint32)
    assert expansion.apply(given_ids).tolist() == [7, 1, 2, 3, 4, 5, 3, 4, 5, 99, 1, 2]
    assert expansion.apply(given_ids).dtype == np.uint16
    assert expansion.apply(given_ids[:1]).tolist() == [7]
    assert expansion.apply(given_ids[:0]).tolist() == []


def test_what_has_no_model_of_bytes():
    """A character without a token would be unknown, and byte tokens in merges would take part in those of bytes."""
    ids = {token: i for i, token in enumerate([*BYTE_TOKENS, b"a", b"b", b"ab"])}
    assert byte_model(ids, [(b"a", b"b")], 259, np.dtype(np.uint16)) is not None
    without = {token: i for token, i in ids.items() if token != b"<0xE7>"}
    assert byte_model(without, [(b"a", b"b")], 259, np.dtype(np.uint16)) is None
    assert byte_model(ids | {b"<0xE7>a": 259}, [(b"<0xE7>", b"a")], 260, np.dtype(np.uint16)) is None


def test_bytes_that_are_not_needed_may_be_missing():
    """Gemma 2 has no <0x09>, and a token for a tab instead."""
    ids = {token: i for i, token in enumerate([*BYTE_TOKENS, b"\t"])}
    del ids[b"<0x09>"], ids[b"<0xFF>"]
    assert byte_model(ids, [], 257, np.dtype(np.uint16)) is not None


def test_the_reference_does_what_the_kernels_cannot():
    pair = model(2, rules=LLAMA, characters=CharacterModel(unknown="<s>"))
    pair.check("ab 狸 c")
    assert pair.compiled._encoder is None
