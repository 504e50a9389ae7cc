"""The steps after stand-ins against `SplitSteps`, which takes them one after another."""

from random import Random

import pytest
from hypothesis import given, strategies as st

from bpe import PATTERNS
from bpe.automata.byte_steps import byte_steps
from bpe.automata.composition import automaton_of, find_automaton_of
from bpe.automata.syntax import NotTranslatableError
from bpe.patterns import WHOLE_TEXT, can_be_cut, character_steps, last_safe_cut
from bpe.pre_tokenizers import PrefixSpace, Split, SplitSteps, StandIns
from bpe.stand_ins import to_stand_ins

from .published_steps import BYTE_STEPS, PUBLISHED_STEPS
from .strategies import all_texts

GPT2 = Split(PATTERNS["gpt2"], "Isolated")
DIGITS = Split(r"\p{N}", "Contiguous")
NAMES = list(BYTE_STEPS)


def split(steps, text):
    """The pieces, in stand-ins, by the two automata."""
    found = byte_steps(steps)
    for piece in automaton_of(character_steps(steps)).split(text):
        data = piece.encode()
        if found.splitting.isdisjoint(data):
            yield to_stand_ins(data)
        else:
            yield from found.automaton.split(to_stand_ins(data))


@given(text=all_texts, name=st.sampled_from(NAMES))
def test_published_steps(text, name):
    assert list(split(BYTE_STEPS[name], text)) == SplitSteps(BYTE_STEPS[name]).split(text)


def test_a_character_is_split_at_a_byte_that_counts_as_a_digit():
    assert list(split(BYTE_STEPS["Falcon"], "ò12 1234")) == ["Ã", "²", "12", "Ġ", "123", "4"]
    assert list(split(BYTE_STEPS["Falcon"], "²12 ²123")) == ["Â", "²12", "ĠÂ", "²", "123"]


@pytest.mark.parametrize("name", NAMES)
def test_the_class_of_each_byte_is_that_of_its_stand_in(name):
    found = byte_steps(BYTE_STEPS[name])
    for byte in range(256):
        assert found.class_of[byte] == found.automaton.classes.of(ord(to_stand_ins(bytes([byte]))))


def test_bytes_that_may_split_a_piece():
    digits = {*range(0x30, 0x3A), *map(ord, "²³¹¼½¾")}
    assert byte_steps(BYTE_STEPS["Falcon"]).splitting == digits
    assert byte_steps((StandIns(), Split("b?a", "Isolated"))).splitting == {*b"a"}
    assert byte_steps((StandIns(), Split("[^a]", "Contiguous"))).splitting == {*b"a"}
    assert byte_steps((StandIns(), Split("ab", "Isolated"))).splitting == {*b"b"}  # a piece without b stays whole


@given(data=st.binary(max_size=30), name=st.sampled_from(NAMES))
def test_a_piece_without_them_is_not_split(data, name):
    found = byte_steps(BYTE_STEPS[name])
    data = bytes(byte for byte in data if byte not in found.splitting)
    if data:
        assert len(list(found.automaton.split(to_stand_ins(data)))) == 1


def test_what_splits_characters():
    assert character_steps("a|b") == "a|b"
    assert character_steps(PUBLISHED_STEPS["DeepSeek V3"]) == PUBLISHED_STEPS["DeepSeek V3"]
    assert character_steps((GPT2, StandIns(), DIGITS)) == PATTERNS["gpt2"]
    assert character_steps((StandIns(), DIGITS)) == WHOLE_TEXT
    assert character_steps((DIGITS, StandIns(), DIGITS)) == (DIGITS,)


@pytest.mark.parametrize("pattern", ["a|b", (GPT2,), (GPT2, StandIns())])
def test_without_steps_for_bytes_there_is_nothing(pattern):
    assert byte_steps(pattern) is None


@pytest.mark.parametrize("step", [PrefixSpace(), StandIns(), Split(r"\s", "Removed"), Split(r"\bx", "Isolated")])
def test_steps_for_bytes_without_an_automaton(step):
    with pytest.raises(NotTranslatableError):
        byte_steps((GPT2, StandIns(), step, DIGITS))


@given(left=all_texts, right=all_texts, name=st.sampled_from(NAMES[:2]))
def test_a_cut_changes_no_piece(left, right, name):
    pattern = SplitSteps(BYTE_STEPS[name])
    assert can_be_cut(pattern)
    cut = last_safe_cut(left, pattern)
    assert pattern.split(left[:cut]) + pattern.split(left[cut:] + right) == pattern.split(left + right)


def test_texts_are_cut_where_the_steps_for_characters_split():
    pattern = SplitSteps(BYTE_STEPS["Falcon"])
    assert last_safe_cut("one two three", pattern) == len("one two")
    assert find_automaton_of(BYTE_STEPS["Falcon"]) is None  # no single one


def test_random_steps():
    random = Random(0)
    checked = 0
    patterns = ["[0-9]{3}", r"\p{N}", "[a-zÃ]+", "Ġ", "ab?", "²|1", "Â[²³]", "a{1,2}", "[^0-9Ã]", r"\p{L}{2}"]
    behaviors = ["Isolated", "Contiguous", "MergedWithPrevious", "MergedWithNext"]
    while checked < 60:
        after = [Split(random.choice(patterns), random.choice(behaviors)) for _ in range(random.randint(1, 2))]
        steps = (*random.choice([(GPT2,), (DIGITS, GPT2), ()]), StandIns(), *after)
        try:
            byte_steps(steps)
        except NotTranslatableError:
            continue
        checked += 1
        for _ in range(10):
            text = "".join(random.choices("abò1²3 é\n狐", k=random.randint(1, 20)))
            assert list(split(steps, text)) == SplitSteps(steps).split(text), (steps, text)
