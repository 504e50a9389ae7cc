"""Automata against the `regex` package: published patterns on random texts, and random patterns."""

from random import Random

import pytest
import regex
from hypothesis import given

from bpe.automata.determinize import automaton
from bpe.automata.syntax import NotTranslatableError
from bpe.patterns import compile_pattern, split_pieces

from .published_patterns import PUBLISHED
from .strategies import TYPICAL, all_texts, random_pattern, random_text


@given(text=all_texts)
def test_published_patterns_split_as_regex_does(text):
    for pattern in PUBLISHED.values():
        assert list(automaton(pattern).split(text)) == split_pieces(text, compile_pattern(pattern)), pattern


def test_every_character_after_some_other():
    compiled, automatic = compile_pattern(PUBLISHED["o200k"]), automaton(PUBLISHED["o200k"])
    for first in [*range(0, 0x20000, 4096), 0x2F000, 0xE0000, 0xE1000, 0xFF000]:  # nearly all that are assigned
        characters = [chr(c) for c in range(first, first + 4096) if not 0xD800 <= c < 0xE000]
        text = TYPICAL[first // 4096 % len(TYPICAL)].join(characters)
        assert list(automatic.split(text)) == split_pieces(text, compiled)


def check(pattern, strings):
    compiled, automatic = compile_pattern(pattern), automaton(pattern)
    for text in strings:
        assert list(automatic.split(text)) == split_pieces(text, compiled), (pattern, text)


@pytest.mark.parametrize(
    ("pattern", "strings"),
    [
        ("a|ab|abc", ["abcab"]),
        ("a??b|aa", ["aab"]),
        (r"a$|a\n", ["a\n", "aa\n\n"]),
        (r"(?:a|ab)(?:c|bcd)$", ["abcd\n", "abcd"]),
        (r"\s++$|\s", ["a  \n", " \n a "]),
        ("a{1,3}+a", ["a" * 9]),
        ("(?:ab?)+?b", ["abab", "abb"]),
        ("(?i:straße)", ["STRAßE", "strasse", "Straẞe"]),
    ],
)
def test_what_engines_that_go_back_prefer(pattern, strings):
    check(pattern, strings)


def test_random_patterns_split_as_regex_does():
    random = Random(0)
    checked = 0
    reasons = []
    while checked < 100:
        pattern = random_pattern(random)
        try:
            automaton(pattern)
        except NotTranslatableError as error:
            reasons.append(str(error))
        else:
            assert regex.match(pattern, "") is None
            check(pattern, [random_text(random) for _ in range(5)])
            checked += 1
    known = ("match the empty text", "may be empty", "more than one character", "than 500 states", "depends on case")
    assert [reason for reason in reasons if not any(part in reason for part in known)] == []


def test_a_pattern_that_can_match_the_empty_text_only_sometimes():
    with pytest.raises(NotTranslatableError, match="it can match the empty text"):
        automaton(r"a|(?=b)")


def test_the_number_of_states_is_limited():
    with pytest.raises(NotTranslatableError, match="more than 500 states"):
        automaton("(?:a|b)*a(?:a|b){10}")


def test_equal_states_are_merged():
    assert len(automaton("aa|ba").steps) == len(automaton("[ab]a").steps) == 3
