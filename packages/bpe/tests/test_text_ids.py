"""The ids of texts and documents as streams."""

import pytest
from hypothesis import given, settings, strategies as st

from bpe.text_ids import TextIds, separator_of

from .conftest import END, texts
from .document_cases import ids_alone, tokenizers


@pytest.fixture(scope="module")
def cases(trained):
    return tokenizers(trained, "auto")


@settings(max_examples=30)
@given(documents=st.lists(texts(8), max_size=8), separator=st.sampled_from([END, ""]))
def test_any_documents(cases, documents, separator):
    for tokenizer in cases:
        text_ids = TextIds(tokenizer, separator_of(tokenizer, separator, ""), num_threads=1)
        assert list(text_ids.of_documents(iter(documents))) == ids_alone(tokenizer, documents, separator)
        assert text_ids.num_bytes == sum(len(f"{document}{separator}".encode()) for document in documents)


def test_texts_have_the_separator_at_their_end_once(tokenizer):
    separator = separator_of(tokenizer, END, "")
    for chunks in (["to be"], ["to", " be", END], [f"to be{END[:3]}", END[3:]]):
        text_ids = TextIds(tokenizer, separator)
        assert list(text_ids.of_text(chunks)) == tokenizer.encode(f"to be{END}")
        assert text_ids.num_bytes == len(f"to be{END}")
        as_it_is = TextIds(tokenizer, None)
        assert list(as_it_is.of_text(chunks)) == tokenizer.encode("".join(chunks))


def test_documents_are_read_as_their_ids_are_requested(tokenizer):
    requested = 0

    def documents():
        nonlocal requested
        while True:
            requested += 1
            yield "to be or not to be " * 10_000

    next(TextIds(tokenizer, separator_of(tokenizer, END, "")).of_documents(documents()))
    assert requested < 10
