import pytest
from hypothesis import given, strategies as st

from bpe.special_tokens import SpecialTokens

TOKENS = st.lists(st.text("ab<", min_size=1, max_size=4), max_size=5, unique=True)


def naive_split(text, tokens):
    """At each position from the left, take the longest token that starts there."""
    parts, ordinary, i = [], "", 0
    while i < len(text):
        found = max((token for token in tokens if text.startswith(token, i)), key=len, default="")
        if found:
            parts += [(ordinary, False)] * bool(ordinary) + [(found, True)]
            ordinary = ""
            i += len(found)
        else:
            ordinary += text[i]
            i += 1
    return parts + [(ordinary, False)] * bool(ordinary)


def joined(parts):
    """Join neighbouring ordinary parts: a stream may cut them anywhere."""
    result = []
    for part, is_special in parts:
        if result and not is_special and not result[-1][1]:
            result[-1] = (result[-1][0] + part, False)
        else:
            result.append((part, is_special))
    return result


@given(text=st.text("ab<", max_size=30), tokens=TOKENS)
def test_split_finds_the_leftmost_longest(text, tokens):
    assert list(SpecialTokens(tokens).split(text)) == naive_split(text, tokens)


@given(text=st.text("ab<", max_size=30), tokens=TOKENS)
def test_find_gives_the_first(text, tokens):
    position, expected = 0, None
    for part, is_special in naive_split(text, tokens):
        if is_special:
            expected = (position, part)
            break
        position += len(part)
    assert SpecialTokens(tokens).find(text) == expected


@given(chunks=st.lists(st.text("ab<", max_size=6), max_size=8), tokens=TOKENS)
def test_stream_finds_what_split_finds(chunks, tokens):
    specials = SpecialTokens(tokens)
    parts = list(specials.split_stream(chunks))
    assert all(part for part, _ in parts)
    assert joined(parts) == list(specials.split("".join(chunks)))


@given(text=st.text("ab<", max_size=12), tokens=TOKENS, position=st.integers(0, 12))
def test_tokens_at_a_position(text, tokens, position):
    places = [(i, i + len(token)) for token in tokens for i in range(len(text)) if text.startswith(token, i)]
    specials = SpecialTokens(tokens)
    assert specials.is_inside_token(text, position) == any(start < position < end for start, end in places)
    assert specials.is_near_token(text, position) == any(start <= position <= end for start, end in places)


@given(text=st.text("ab<", max_size=30), tokens=TOKENS.filter(bool))
def test_tokens_with_a_common_beginning(text, tokens):
    tokens = ["<a" + token for token in tokens]
    assert list(SpecialTokens(tokens).split(text)) == naive_split(text, tokens)


@pytest.mark.parametrize("character", "-^]\\[&|~# \n")
def test_characters_with_a_meaning_in_expressions(character):
    tokens = [character + "a", "b", character]
    assert list(SpecialTokens(tokens).split(f"x{character}abc{character}")) == naive_split(
        f"x{character}abc{character}", tokens
    )


def test_stream_holds_back_only_a_possible_start():
    consumed = []

    def chunks():
        for chunk in ["plain <|end", "less>", "<|endoftext|>", "<|endof", "text|>", "."]:
            consumed.append(chunk)
            yield chunk

    specials = SpecialTokens(["<|endoftext|>", "<|endoftext|><|endoftext|>"])
    stream = specials.split_stream(chunks())
    assert next(stream) == ("plain ", False)
    assert len(consumed) == 1
    assert joined(stream) == [("<|endless>", False), ("<|endoftext|><|endoftext|>", True), (".", False)]


def test_a_token_that_is_a_prefix_of_another_is_held_back_in_a_stream():
    specials = SpecialTokens(["<a", "<a>", "<ab>"])
    assert list(specials.split_stream(["x<", "a", "b", ">y<a", "c<a"])) == [
        ("x", False),
        ("<ab>", True),
        ("y", False),
        ("<a", True),
        ("c", False),
        ("<a", True),
    ]


def test_no_tokens():
    assert list(SpecialTokens([]).split("text")) == [("text", False)]
    assert list(SpecialTokens([]).split_stream(["te", "xt"])) == [("te", False), ("xt", False)]


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ([""], "special token 0 is empty"),
        (["a", "a"], "'a' is given twice"),
        (["a\ud800"], "contains a surrogate"),
        ("<sep>", r"special_tokens is the string '<sep>': give a list of strings, such as \['<sep>'\]"),
    ],
)
def test_bad_tokens_are_errors(tokens, message):
    with pytest.raises(ValueError, match=message):
        SpecialTokens(tokens)
