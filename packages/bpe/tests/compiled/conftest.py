"""Pairs of tokenizers, one for each engine, with vocabularies of every kind."""

import random
from typing import NamedTuple

import pytest

from bpe import Tokenizer
from bpe.added_tokens import AddedToken
from bpe.normalizers import UnicodeForm
from bpe.pre_tokenizers import SplitSteps
from bpe.text_rules import TextRules

from ..automata.published_steps import BYTE_STEPS, PUBLISHED_STEPS
from ..conftest import END

BYTES = {byte: bytes([byte]) for byte in range(256)}


CUSTOM = r"[\w']+|\s"  # skips some characters, which become pieces of their own
WITHOUT_AUTOMATON = r"[\w']+|\s|(?<=\.)\."


class Both(NamedTuple):
    reference: Tokenizer
    compiled: Tokenizer

    def check(self, text, **choice):
        expected = self.reference.encode(text, **choice)
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
    """Merges in random order, as no training would make them; ranks do not follow ids or lengths."""
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


def never_merged():
    """Tokens of all lengths that no merge makes, and that are found only with `ignore_merges`."""
    words = [b"a" * k for k in (2, 3, 7, 14, 15, 16, 17, 48, 49, 255, 1023, 1024)]
    words += ["狐跳".encode(), b" the cat", b"\x00\x00", b"incomprehensibilities"]
    return both(
        dict(enumerate([*BYTES.values(), *words, b"aa", b" t"])),
        [(b"a", b"a"), (b" ", b"t")],
        [END],
        ignore_merges=True,
    )


def spaces(vocab, merges):
    """As GPT-NeoX: normalization, runs of spaces that are found in normalized text, no bytes that UTF-8 never has."""
    numbers = [
        token_id
        for token_id, token in vocab.items()
        if not (len(token) == 1 and token[0] in {0xC0, 0xC1, *range(0xF5, 0x100)})
    ]
    kept = {token_id: vocab[token_id] for token_id in numbers}
    tokens = tuple(AddedToken(" " * k, 100_000 + k, special=False, normalized=True) for k in range(24, 1, -1))
    rules = TextRules(added_tokens=tokens, normalizer=(UnicodeForm("NFC"),))
    return both(kept, merges, [END], rules=rules)


NAMES = [
    "gpt2",
    "trained",
    "cl100k",
    "o200k",
    "custom",
    "regex",
    "odd",
    "few",
    "many",
    "wide",
    "bare",
    "whole",
    "steps",
    "byte steps",
    "normalized",
    "spaces",
]


@pytest.fixture(scope="session")
def pairs(trained, gpt2_files, kernels):
    vocab, merges = trained
    gpt2 = Both(*(Tokenizer.from_files(*gpt2_files, [END]) for _ in range(2)))
    gpt2.reference._engine, gpt2.compiled._engine = "reference", "compiled"
    return {
        "gpt2": gpt2,
        "trained": both(vocab, merges, [END]),
        "cl100k": both(vocab, merges, [END], pattern="cl100k"),
        "o200k": both(vocab, merges, [END], pattern="o200k"),
        "custom": both(vocab, merges, [END], pattern=CUSTOM),
        "regex": both(vocab, merges, [END], pattern=WITHOUT_AUTOMATON),
        "odd": odd_bytes(vocab, merges),
        "few": random_merges(1, b"ab ", 60),
        "many": random_merges(2, b"abcdef \xc3\xa9\x00", 3000),
        "wide": random_merges(3, b"ab", 200, special_tokens={END: 99_999}),
        "bare": both(BYTES, [], [END]),
        "whole": never_merged(),
        "steps": both(vocab, merges, [END], pattern=SplitSteps(PUBLISHED_STEPS["DeepSeek V3"])),
        "byte steps": both(vocab, merges, [END], pattern=SplitSteps(BYTE_STEPS["Falcon"])),
        "normalized": both(vocab, merges, [END], pattern="cl100k", rules=TextRules(normalizer=(UnicodeForm("NFC"),))),
        "spaces": spaces(vocab, merges),
    }
