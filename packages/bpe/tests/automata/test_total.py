from random import Random

import pytest

from bpe.automata.determinize import automaton
from bpe.automata.syntax import NotTranslatableError
from bpe.automata.total import merged, total

from .published_patterns import PUBLISHED
from .strategies import random_pattern, random_text


def matches(automatic, text):
    """The pieces of an automaton, each of which has to be a match."""
    symbols = [automatic.classes.of(ord(character)) for character in text]
    if text.endswith("\n"):
        symbols[-1] = automatic.final_newline
    symbols.append(automatic.end)
    position = 0
    while position < len(text):
        end = automatic._match(symbols, position)
        assert end > position
        yield text[position:end]
        position = end


def test_every_piece_is_a_match():
    random = Random(0)
    patterns = [*PUBLISHED.values(), *(random_pattern(random) for _ in range(60))]
    checked = 0
    for pattern in patterns:
        try:
            automatic = automaton(pattern)
            complete = total(automatic)
        except NotTranslatableError:
            continue
        for _ in range(10):
            text = random_text(random)
            assert list(matches(complete, text)) == list(automatic.split(text)), (pattern, text)
        checked += 1
    assert checked > 30


@pytest.mark.parametrize(
    ("pattern", "text", "pieces"),
    [
        (r"\d{1,3}", "ab12345c", ["ab", "123", "45", "c"]),
        ("ab", "xaab", ["xa", "ab"]),  # the first attempt in the gap fails
        ("ab", "xa", ["xa"]),
        ("a(?=b)", "aab", ["a", "a", "b"]),
        ("[0-9]{3}", "x12y34567", ["x12y", "345", "67"]),  # attempts overlap, and fail together
        ("[0-9]{3}", "1234", ["123", "4"]),
        ("a+b", "aaaxaab", ["aaax", "aab"]),
    ],
)
def test_gaps(pattern, text, pieces):
    assert list(matches(total(automaton(pattern)), text)) == pieces


@pytest.mark.parametrize("pattern", ["aab|ac", "ab+c|b", "abab|ba"])
def test_a_match_within_an_attempt_that_fails_is_refused(pattern):
    with pytest.raises(NotTranslatableError, match="one that began within it may succeed"):
        total(automaton(pattern))


@pytest.mark.parametrize("join", ["matches", "match_to_gap_before", "gap_to_match_before"])
def test_a_match_that_may_fail_is_not_joined(join):
    with pytest.raises(NotTranslatableError, match="may fail after its first character"):
        merged(automaton("ab"), join)
    with pytest.raises(NotTranslatableError, match="may fail"):
        merged(automaton("(?:ab)*c"), join)


@pytest.mark.parametrize(
    ("join", "pieces"),
    [
        ("matches", ["a", "--", "b", "-"]),
        ("match_to_gap_before", ["a-", "-", "b-"]),
        ("gap_to_match_before", ["a", "-", "-b", "-"]),
    ],
)
def test_joined(join, pieces):
    assert list(matches(merged(automaton("-"), join), "a--b-")) == pieces
