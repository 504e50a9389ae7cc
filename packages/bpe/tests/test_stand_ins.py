import pytest
import tokenizers
from hypothesis import given, strategies as st

from bpe.stand_ins import from_stand_ins, to_stand_ins


def test_they_equal_those_of_the_tokenizers_library():
    ours = [to_stand_ins(bytes([byte])) for byte in range(256)]
    assert sorted(ours) == sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    byte_level = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    for character in ["a", " ", "\n", "\x00", "\x7f", "é", "狐", "\u00ad", "\U0001f44d"]:
        assert byte_level.pre_tokenize_str(character)[0][0] == to_stand_ins(character.encode())


def test_known_stand_ins():
    assert to_stand_ins(b" the\n") == "ĠtheĊ"
    assert from_stand_ins("ĠtheĊ") == b" the\n"


@given(token=st.binary())
def test_round_trip(token):
    text = to_stand_ins(token)
    assert len(text) == len(token)
    assert text.isprintable()
    assert from_stand_ins(text) == token


@pytest.mark.parametrize("character", [" ", "\n", "狐", "\ud800", "ń"])
def test_a_character_that_is_not_a_stand_in_is_an_error(character):
    with pytest.raises(UnicodeEncodeError) as caught:
        from_stand_ins("ab" + character)
    assert caught.value.start == 2
