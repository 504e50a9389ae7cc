"""Choosing a separator, and when documents can be joined with it."""

import pytest
from hypothesis import given, strategies as st

from bpe.separators import find_separator
from bpe.special_tokens import SpecialTokens

TOKENS = {"<|endoftext|>": 7, "<|pad|>": 8}


def test_the_separator_is_a_special_token():
    separator = find_separator("<|pad|>", TOKENS, TOKENS, "a.jsonl")
    assert (separator.token, separator.ids, separator.num_bytes, separator.is_found_alone) == ("<|pad|>", (8,), 7, True)
    nothing = find_separator("", TOKENS, TOKENS, "a.jsonl")
    assert (nothing.ids, nothing.num_bytes, nothing.is_found_alone) == ((), 0, False)


@pytest.mark.parametrize(
    ("token", "tokens", "message"),
    [
        (
            None,
            TOKENS,
            "a.jsonl contains documents, and .* give one of .* '<|endoftext|>', '<|pad|>', or",
        ),
        (None, {}, "give a tokenizer that has a special token, or '' for nothing"),
        ("<eos>", TOKENS, "separator is '<eos>', not a special token: give one of the special tokens '<|endoftext|>'"),
        ("<eos>", {f"<{k}>": k for k in range(20)}, "'<7>' and 12 more"),
    ],
)
def test_what_is_not_a_separator(token, tokens, message):
    with pytest.raises(ValueError, match=message.replace("|", r"\|")):
        find_separator(token, tokens, tokens, "a.jsonl")


@pytest.mark.parametrize(
    ("separator", "others", "is_alone"),
    [
        ("<|end|>", ["<|pad|>", "<|en", "|end|", "<|begin|>"], True),
        ("<|end|>", ["<|end|><|end|>"], False),
        ("<|end|>", ["a<|end|>"], False),
        ("<|end|>", ["<|end|>b"], False),
        ("<|end|>", ["<<"], False),  # a document that ends with "<"
        ("aa", [], False),  # a document that ends with "a"
    ],
)
def test_when_a_separator_is_found_alone(separator, others, is_alone):
    tokens = {separator: 0, **{token: 1 + k for k, token in enumerate(others)}}
    assert find_separator(separator, tokens, tokens, "").is_found_alone is is_alone


letters = st.text("ab<>", min_size=1, max_size=4)


@given(separator=letters, others=st.lists(letters, max_size=3), documents=st.lists(st.text("ab<>", max_size=6)))
def test_joined_documents_are_found_as_they_are_alone(separator, others, documents):
    tokens = SpecialTokens(list(dict.fromkeys([separator, *others])))
    joined = [part for part, _ in tokens.split("".join(f"{document}{separator}" for document in documents)) if part]
    alone = [part for document in documents for part in (*(p for p, _ in tokens.split(document) if p), separator)]
    numbers = dict.fromkeys(tokens.tokens, 0)
    if find_separator(separator, numbers, numbers, "").is_found_alone:
        assert joined == alone
