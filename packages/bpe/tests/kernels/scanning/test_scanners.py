"""The scanners against the reference, the pattern itself, on every kind of text and alignment.

They are called as in the package, through a worker, whose STARTS are read afterwards.
"""

import sys
from itertools import accumulate, product
from random import Random

import numpy as np
import pytest
import regex
from hypothesis import given, strategies as st

from bpe import PATTERNS
from bpe.patterns import compile_pattern, pattern_key, split_pieces
from bpe.pre_tokenizers import SplitSteps

pytest.importorskip("numba", reason="needs numba")
from bpe.automata.determinize import find_automaton
from bpe.compiled.model import CompiledModel
from bpe.compiled.worker import NotUtf8Error, Specials, Worker
from bpe.kernels.scanning import layout as scanning

from ...automata.published_patterns import PUBLISHED
from ...automata.published_steps import BYTE_STEPS, PUBLISHED_STEPS
from ...automata.strategies import random_pattern, random_text
from ...conftest import texts

BYTES = {bytes([byte]): byte for byte in range(256)}
PREFIXES = ["\x01" + "x" * k + "\x02" for k in range(65)]
"""Special tokens, none a prefix of another. After one of them, the scanner begins at another byte than 0."""


class Scanner:
    def __init__(self, name):
        self.pattern = name if isinstance(name, SplitSteps) else compile_pattern(name)
        key = pattern_key(self.pattern)
        model = CompiledModel(BYTES, [], BYTES, pattern=key, vocab_size=256, ignore_merges=False)
        self.model = model
        self._worker = Worker(model)
        self._none = Specials({})
        self._prefixes = Specials(dict.fromkeys(PREFIXES, 0))

    def starts(self, data, prefix=""):
        """The bytes at which pieces start, by the kernel."""
        content = prefix.encode() + data
        self._worker.buffer(len(content))[:] = content
        self._worker.encode_buffer(len(content), self._prefixes if prefix else self._none)
        words = self._worker._a[scanning.STARTS][: (len(data) + 63) // 64]
        return np.flatnonzero(np.unpackbits(words.view(np.uint8), bitorder="little")).tolist()

    def check(self, text, prefix=""):
        if text:
            bytes_of = self.pattern.piece_bytes if isinstance(self.pattern, SplitSteps) else str.encode
            lengths = [len(bytes_of(piece)) for piece in split_pieces(text, self.pattern)]
            assert self.starts(text.encode(), prefix) == [0, *accumulate(lengths)][:-1], text


@pytest.fixture(scope="module", params=PATTERNS)
def scanner(request, kernels):
    return Scanner(request.param)


@pytest.fixture(scope="module")
def published_scanners(kernels):
    return [Scanner(pattern) for pattern in list(PUBLISHED.values())[3::2]] + [
        Scanner(SplitSteps(steps)) for steps in [*list(PUBLISHED_STEPS.values())[:4], *BYTE_STEPS.values()]
    ]


@given(text=texts(100) | st.builds(random_text, st.randoms(), st.just(150)), before=st.integers(0, 70))
def test_published_patterns(published_scanners, text, before):
    for scanner in published_scanners:
        scanner.check("x" * before + text, PREFIXES[before % 65])


def test_pairs_of_bytes_are_optional(kernels, monkeypatch):
    """A table for two bytes at once would be too large for many classes; then each byte has its own step."""
    monkeypatch.setattr(scanning, "PAIR_FACTOR", 1 << 20)
    scanner = Scanner(PUBLISHED["Qwen 2 and 3"] + "|never")
    assert scanner.model.arguments[scanning.PAIRS].size == 0
    random = Random(0)
    for _ in range(50):
        scanner.check(random_text(random, 150))


def test_random_patterns(kernels):
    random = Random(0)
    checked = 0
    while checked < 40:
        pattern = random_pattern(random)
        if find_automaton(pattern) is not None:
            scanner = Scanner(pattern)
            for _ in range(20):
                scanner.check("a" * random.randint(0, 70) + random_text(random, 150))
            checked += 1


@pytest.mark.parametrize("name", BYTE_STEPS)
def test_pieces_that_are_split_within_characters(kernels, name):
    scanner = Scanner(SplitSteps(BYTE_STEPS[name]))
    for text in map("".join, product("1ò ²a", repeat=5)):
        scanner.check(text)
    for before, after in product(range(56, 66), ["", "1", "x1", "ò" * 40, "a" * 200 + "7"]):
        scanner.check("x" * before + "12ò345²" + after, PREFIXES[before % 65])
    scanner.check("a" * 5000 + "ò" + "b" * 5000 + "1" * 5000)


TYPICAL = [
    "a",
    "S",
    "ſ",
    "é",
    "Ǆ",
    "ǅ",
    "狐",
    "ʰ",
    "\u0301",
    "7",
    "٣",
    "½",
    " ",
    "\n",
    "\r",
    "\t",
    "\u3000",
    "'",
    "/",
    "👍",
]
"""One character of every kind that some pattern distinguishes, with one to four bytes where possible."""

wild = st.text(st.characters(codec="utf-8"), max_size=150)
typical = st.lists(st.sampled_from([*TYPICAL, "'LL", "'re", "'ſ", "\x85", "\u2028"]), max_size=150).map("".join)


@given(text=texts(100) | wild | typical, before=st.integers(0, 130))
def test_random_texts_at_every_alignment(scanner, text, before):
    scanner.check("a" * before + text)
    scanner.check(" " * (before % 64) + text)


@given(text=texts() | wild | typical, prefix=st.sampled_from(PREFIXES))
def test_texts_after_a_special_token(scanner, text, prefix):
    scanner.check(text.replace("\x01", ""), prefix)


def test_all_short_texts_of_typical_characters(scanner):
    """Every string of three characters; and every second pair of them at each place around the border of a block."""
    for text in map("".join, product(TYPICAL, repeat=3)):
        scanner.check(text)
    for before in range(58, 65):
        for text in map("".join, product(TYPICAL[::2], repeat=2)):
            scanner.check("x" * before + text + "!")


def test_all_short_texts_of_special_characters(scanner):
    for text in map("".join, product(" 's\nA\u0301", repeat=5)):
        scanner.check(text)


@pytest.mark.parametrize("contraction", ["'s", "'S", "'ſ", "'ll", "'lL", "'re", "'VE", "'d", "'k", "'\u212a", "'l"])
def test_contractions_everywhere(scanner, contraction):
    around = ["", "a", "'", " ", "7", "!", "\u0301", "é"]
    for before, left, right in product(range(58, 66), around, around):
        scanner.check("x" * before + left + contraction + right)


@pytest.mark.parametrize("character", [*TYPICAL, "\u2028", "\u0345", "𝟘", "𐐀"])
def test_runs_that_end_anywhere_in_a_block(scanner, character):
    for length in range(140):
        scanner.check(character * length)
        scanner.check(character * length + "b")
        scanner.check("b" * (length % 7) + character * length + " ")


def test_all_white_space(scanner):
    everything = "".join(chr(c) for c in range(sys.maxunicode + 1) if not 0xD800 <= c < 0xE000)
    spaces = sorted({*regex.findall(r"\s", everything), *filter(str.isspace, everything)})
    for space, other in product(spaces, [*spaces[:8], "a", "\u3000"]):
        for before in (0, 61, 63):
            scanner.check("x" * before + space + other + space + "y")


def test_every_character_between_two_kinds_of_neighbours(scanner):
    """All 1,112,064, in order, so that the classes of neighbouring code points are side by side too."""
    step = 1 << 12
    for begin in range(0, 0x110000, step):
        characters = [chr(c) for c in range(begin, begin + step) if not 0xD800 <= c < 0xE000]
        scanner.check("".join(characters))
        scanner.check("".join(f"a{character}" for character in characters))
        scanner.check("".join(f" {character}" for character in characters))


MALFORMED = [
    *(
        b"\x80",
        b"\xbf",
        b"\xff",
        b"\xfe",
        b"\xc0\x80",
        b"\xc1\xbf",
        b"\xe0\x80\x80",
        b"\xe0\x9f\xbf",
        b"\xf0\x80\x80\x80",
    ),
    *(
        b"\xf0\x8f\xbf\xbf",
        b"\xed\xa0\x80",
        b"\xed\xbf\xbf",
        b"\xf4\x90\x80\x80",
        b"\xf5\x80\x80\x80",
        b"\xc3",
        b"\xe7",
    ),
    *(
        b"\xe7\x8b",
        b"\xf0\x9f",
        b"\xf0\x9f\x91",
        b"\xc3\xa9\xa9",
        b"\xe7\x8b\xe7\x8b\x90",
        b"\xf0\x9f\x91a",
        b"\xc3\xc3\xa9",
    ),
]


@pytest.mark.parametrize("wrong", MALFORMED)
def test_invalid_utf8_is_found_at_every_position(scanner, wrong):
    """Whatever the text after it, and also after a special token."""
    for before, after in product([*range(4), *range(58, 68), 127], [b"", b"a", "é狐".encode(), b" " * 70]):
        for fill in (b"a" * before, "é".encode() * (before // 2) + b"a" * (before % 2)):
            for prefix in ("", PREFIXES[3]):
                with pytest.raises(NotUtf8Error):
                    scanner.starts(fill + wrong + after, prefix)


@given(data=st.lists(st.binary(max_size=3) | texts(3).map(str.encode), max_size=40).map(b"".join))
def test_bytes_are_valid_if_python_can_decode_them(scanner, data):
    try:
        text = data.decode()
    except UnicodeDecodeError:
        with pytest.raises(NotUtf8Error):
            scanner.starts(data)
    else:
        scanner.check(text)
