from random import Random

import pytest
from hypothesis import given

from bpe.automata.cuts import last_cut
from bpe.automata.determinize import automaton
from bpe.automata.syntax import NotTranslatableError
from bpe.patterns import compile_pattern, split_pieces

from .published_patterns import PUBLISHED
from .strategies import all_texts, random_pattern, random_text


@given(left=all_texts, right=all_texts)
def test_a_cut_changes_no_piece(left, right):
    for expression in PUBLISHED.values():
        pattern = compile_pattern(expression)
        cut = last_cut(left, automaton(expression))
        halves = split_pieces(left[:cut], pattern) + split_pieces(left[cut:] + right, pattern)
        assert halves == split_pieces(left + right, pattern), expression


def test_with_random_patterns():
    """Also when something precedes the text in which the cut was found."""
    random = Random(0)
    checked = 0
    while checked < 100:
        expression = random_pattern(random)
        try:
            automatic = automaton(expression)
        except NotTranslatableError:
            continue
        pattern = compile_pattern(expression)
        for _ in range(5):
            before, left, right = (random_text(random) for _ in range(3))
            cut = last_cut(left, automatic)
            halves = split_pieces(before + left[:cut], pattern) + split_pieces(left[cut:] + right, pattern)
            if cut:
                assert halves == split_pieces(before + left + right, pattern), (expression, before, left, right)
                checked += 1


@pytest.mark.parametrize(
    ("name", "text", "cut"),
    [
        ("gpt2", "to be", 2),
        ("gpt2", "to  ", 2),
        ("gpt2", "it's", 2),
        ("o200k", "it's", 0),
        ("Qwen 2 and 3", "one.\n\nTwo", 6),
        ("Qwen 2 and 3", "one 2", 3),
        ("DeepSeek V3", "to be, or", 6),
        ("DeepSeek V3, numbers", "a1b2c", 4),
        ("lines", "one\n two", 4),
        ("the whole text", "to be or not", 0),
        ("GPT-2 in tiktoken", "a b\n", 3),
        ("GPT-2 in tiktoken", "b\n!", 1),
    ],
)
def test_where_the_last_cut_is(name, text, cut):
    assert last_cut(text, automaton(PUBLISHED[name])) == cut
