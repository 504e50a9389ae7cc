"""Documents with the compiled engine: joined or not, the ids are those of each document alone."""

import pytest
from hypothesis import given, settings, strategies as st

from bpe.compiled import documents as documents_module
from bpe.compiled.documents import document_runs
from bpe.text_ids import separator_of

from ..conftest import END, SCRIPTS, texts
from ..document_cases import ids_alone, tokenizers


@pytest.fixture(scope="module")
def cases(trained, kernels):
    return tokenizers(trained, "compiled")


def ids(tokenizer, documents, separator, num_threads):
    encoder = tokenizer.compiled_for_size(1 << 20)
    mark = separator_of(tokenizer, separator, "")
    runs = document_runs(encoder, iter(documents), mark, tokenizer.found_tokens, num_threads)
    return [token_id for run in runs for token_id in run.tolist()]


def test_the_cases_are_joined_or_not(cases):
    joined = [separator_of(case, END, "").is_found_alone and case.compiled_for_size(1).is_local for case in cases]
    assert joined == [True, False, True, False]


@settings(max_examples=50)
@given(documents=st.lists(texts(8), max_size=8), separator=st.sampled_from([END, ""]))
def test_any_documents(cases, documents, separator):
    for tokenizer in cases:
        assert ids(tokenizer, documents, separator, 1) == ids_alone(tokenizer, documents, separator)


def test_threads_and_long_documents(cases, monkeypatch):
    monkeypatch.setattr(documents_module, "_JOINED_CHARACTERS", 1000)
    documents = [SCRIPTS[k : 5 * k] * (1 + (k % 50 == 0) * 50) for k in range(200)]
    for tokenizer in cases:
        assert ids(tokenizer, documents, END, 3) == ids_alone(tokenizer, documents)
