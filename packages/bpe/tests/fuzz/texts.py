"""Random texts, and random cuts of a text into chunks."""

import argparse
import inspect
import sys
import unicodedata
from collections.abc import Sequence
from functools import cache
from random import Random

from ..automata.strategies import random_text
from ..conftest import SCRIPTS

_PARTS = (
    *("'", "'s", "'LL", "’", " ", "  ", "    ", "\n", "\r\n", "\n\n", "\t", "\u00a0", "\u3000", "\u2028", "\x85"),
    *("/", ".", "...", "_", "-", "->", "\x00", "\x7f", "a", "the", " the", "Ab", "WORD", "camelCase", "9", "12345"),
    *("½", "²", "Ⅷ", "٣", "é", "e\u0301", "\u0301", "\u0323\u0301", "Å", "ſ", "İ", "Σ", "ß", "ﬁ", "ﷺ", "①", "™"),
    *("狐", "狐狸", "ひらがな", "カタカナ", "한국어", "\u1112\u1161\u11ab", "ي", "नमस्ते", "สวัสดี", "הכלב"),
    *("👍🏽", "👩\u200d👩\u200d👧", "🇵🇱", "\u200b", "\ufeff", "\U0010ffff", "\ud7ff", "\ue000", "▁", "Ġ", "<0x0A>"),
)
_PROSE = SCRIPTS + (inspect.getdoc(argparse) or "") + inspect.getsource(argparse.Action)


@cache
def known_characters() -> frozenset[str]:
    """Return the characters of an old version of Unicode, which all libraries know and treat alike."""
    old = unicodedata.ucd_3_2_0
    characters = (chr(code) for code in range(sys.maxunicode + 1))
    return frozenset(c for c in characters if old.category(c) not in ("Cn", "Co", "Cs"))


def is_known(text: str) -> bool:
    """Return whether all characters of a text are in that version."""
    return text.isascii() or known_characters().issuperset(text)


def fuzz_text(random: Random, strings: Sequence[str]) -> str:
    """Return a text of one to three stretches of different kinds.

    Args:
        random: the source of randomness.
        strings: what else is in some of the texts, such as the special tokens of a tokenizer.
    """
    return "".join(_stretch(random, strings) for _ in range(random.choice((1, 1, 1, 2, 3))))


def _stretch(random: Random, strings: Sequence[str]) -> str:
    kind = random.random()
    if kind < 0.25:
        return "".join(random.choices(_PARTS, k=random.randint(0, 12)))
    if kind < 0.5 and strings:
        return "".join(_with_strings(random, strings))
    if kind < 0.6:
        return random_text(random)
    if kind < 0.7:
        return "".join(_any_character(random) for _ in range(random.randint(0, 12)))
    if kind < 0.85:
        start = random.randrange(len(_PROSE))
        return _PROSE[start : start + random.randint(1, 80)]
    if kind < 0.997:
        return "".join(random.choice(_PARTS) * _run_length(random) for _ in range(random.randint(1, 4)))
    return "".join(fuzz_text(random, strings) for _ in range(20))


def _with_strings(random: Random, strings: Sequence[str]) -> list[str]:
    """Return some of the strings, whole or cut, between other text."""
    parts = random.choices([*strings, *strings, *random.sample(_PARTS, 8)], k=random.randint(1, 10))
    if random.random() < 0.3:
        k = random.randrange(len(parts))
        parts[k] = parts[k][: random.randint(0, len(parts[k]))]
    return parts


def _any_character(random: Random) -> str:
    code = random.randrange(0x110000 - 0x800) if random.random() < 0.3 else random.randrange(0x3000)
    return chr(code if code < 0xD800 else code + 0x800)  # without surrogates


def _run_length(random: Random) -> int:
    """Return a length that is often near the sizes at which kernels behave differently: 16, 48, 64, and above 1,024."""
    if random.random() < 0.7:
        return random.randint(1, 3)
    if random.random() < 0.01:
        return random.randint(1000, 1100)
    return random.choice((4, 8, 16, 16, 32, 48, 64)) + random.randint(-2, 2)


def fuzz_cuts(random: Random, text: str) -> list[str]:
    """Return the text in chunks, which may be empty."""
    if len(text) < 200 and random.random() < 0.2:
        return list(text)
    num_cuts = min(len(text) + 1, random.choice((1, 1, 2, 3, 5, 10)))
    ends = sorted(random.choices(range(len(text) + 1), k=num_cuts))
    return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]
