"""Automata of several steps against the steps one after another."""

from random import Random

import pytest
from hypothesis import given

from bpe.automata.composition import automaton_of, find_automaton_of, steps_automaton
from bpe.automata.cuts import last_cut
from bpe.automata.scanner_table import scanner_table
from bpe.automata.syntax import NotTranslatableError
from bpe.patterns import compile_pattern, last_safe_cut, split_pieces
from bpe.pre_tokenizers import PrefixSpace, Split, SplitSteps, StandIns

from .published_patterns import PUBLISHED
from .published_steps import PUBLISHED_STEPS
from .strategies import all_texts, random_pattern, random_text

BEHAVIORS = ["Isolated", "Isolated", "Contiguous", "MergedWithPrevious", "MergedWithNext", "Removed"]


@given(text=all_texts)
def test_published_steps(text):
    for name, steps in PUBLISHED_STEPS.items():
        assert list(find_automaton_of(steps).split(text)) == SplitSteps(steps).split(text), name


def random_step(random):
    simple = [r"\p{N}", r"\s+", "[a-b]+", r"\d{1,3}", " ", r"\p{L}+", "'", r"[\p{P}\p{S}]", "ab?"]
    pattern = random.choice([*simple, *PUBLISHED.values(), random_pattern(random)])
    return Split(pattern, random.choice(BEHAVIORS), random.random() < 0.3)


def test_random_steps():
    """Few patterns can be composed with each other; those that can must give the same."""
    random = Random(0)
    checked = 0
    while checked < 40:
        steps = tuple(random_step(random) for _ in range(random.randint(1, 3)))
        found = find_automaton_of(steps)
        if found is not None:
            reference = SplitSteps(steps)
            for _ in range(10):
                text = random_text(random)
                assert list(found.split(text)) == reference.split(text), (steps, text)
            checked += len(steps) > 1


@given(left=all_texts, right=all_texts)
def test_a_cut_changes_no_piece(left, right):
    for name, steps in PUBLISHED_STEPS.items():
        pattern = SplitSteps(steps)
        cut = last_cut(left, find_automaton_of(steps))
        assert cut == last_safe_cut(left, pattern)
        assert pattern.split(left[:cut]) + pattern.split(left[cut:] + right) == pattern.split(left + right), name


@pytest.mark.parametrize("name", ["DeepSeek V3", "StarCoder and SmolLM"])
def test_the_table_is_small(name):
    """So that it stays in the first-level cache."""
    assert len(scanner_table(steps_automaton(PUBLISHED_STEPS[name])).rows) < 50


GPT2 = Split(PUBLISHED["gpt2"], "Isolated")


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ((), "there is no step"),
        ((PrefixSpace(), GPT2), "a space in front of each piece has no automaton"),
        ((GPT2, StandIns(), Split(r"\p{N}", "Isolated")), "splitting within characters has no automaton"),
        ((Split(r"\s", "Removed"), GPT2), "text that is removed has no automaton"),
        ((Split("a", "Removed", invert=True), GPT2), "text that is removed has no automaton"),
        ((GPT2, Split(r"\p{N}", "Isolated")), "has borders that are only known further on"),
        ((Split("aa?a?", "Isolated"), Split("a", "Isolated")), "where it cannot begin again"),
        (
            (Split(r"\p{N}", "Isolated"), Split(r"\s+$|\s", "Isolated")),
            "treats a newline at the end in a way of its own",
        ),
        ((Split(r"\bx", "Isolated"),), "at character 0"),
    ],
)
def test_what_is_refused(steps, reason):
    with pytest.raises(NotTranslatableError, match=reason):
        steps_automaton(steps)
    assert find_automaton_of(tuple(steps)) is None


def test_a_pattern_is_its_own_key():
    text = "to be 12"
    assert list(automaton_of("gpt2x|to").split(text)) == split_pieces(text, compile_pattern("gpt2x|to"))
