import unicodedata
from itertools import product
from random import Random

import pytest

from bpe.inert_characters import InertCharacters, is_only_itself

FORMS = ["NFC", "NFD", "NFKC", "NFKD"]
ASSIGNED = [*range(0xD800), *range(0xF900, 0x20000), *range(0x2F800, 0x2FA20), *range(0xE0000, 0xE0200)]
"""Nearly all code points that normalization knows about; those between are ideographs and private ones."""
EVERY = list(map(chr, ASSIGNED))


@pytest.mark.parametrize(
    ("form", "inert", "others"),
    [
        ("NFC", "aé狐👍각“…ﬁ²", "\u0301\u212b\u1161\u09be\u0958"),
        ("NFD", "a狐👍“…ﬁ²", "é각\u0301"),
        ("NFKC", "aé狐👍각“", "…ﬁ²\u00a0\u0301"),
        ("NFKD", "a狐👍“", "é…ﬁ"),
    ],
)
def test_which_characters_are_inert(form, inert, others):
    found = InertCharacters([form])
    assert found.includes(inert)
    for character in others:
        assert not found.includes(f"a{character}"), character


@pytest.mark.parametrize("form", FORMS)
def test_a_text_of_inert_characters_is_not_changed(form):
    found = InertCharacters([form])
    inert = [character for character in EVERY if found.includes(character)]
    assert len(inert) > 80_000
    random = Random(0)
    random.shuffle(inert)
    text = "".join(inert)
    assert unicodedata.normalize(form, text) == text


@pytest.mark.parametrize("form", ["NFC", "NFKC"])
def test_no_inert_character_combines_with_one_before_it(form):
    """According to all compositions of this version of Unicode."""
    seconds = set()
    for character in EVERY:
        parts = unicodedata.decomposition(character).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            seconds.add(chr(int(parts[1], 16)))
    inert = InertCharacters([form])
    assert len(seconds) > 50
    assert not any(map(inert.includes, seconds))


def test_bytes_without_ascii():
    inert = InertCharacters(["NFC"])
    assert inert.includes_bytes(b"")
    assert inert.includes_bytes("é狐".encode())
    assert not inert.includes_bytes("\u0301".encode())
    assert not inert.includes_bytes(b"\xc3")


def test_a_text_that_no_other_becomes():
    """ASCII that neither of the canonical forms makes of something else."""
    from_others = {
        normal
        for character, form in product(EVERY, ["NFC", "NFD"])
        if ord(character) > 0x7F and (normal := unicodedata.normalize(form, character)).isascii()
    }
    assert not any(map(is_only_itself, from_others))
    assert is_only_itself("  <|a|>")
    assert not is_only_itself("é")
