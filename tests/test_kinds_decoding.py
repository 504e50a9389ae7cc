"""Decoding: the measures on texts made by hand, and a grid of a tiny run."""

import doctest
import math

import pytest

from experimentation import text_diversity
from experimentation.kinds import decoding
from experimentation.text_diversity import distinct_share, repeated_share
from nn import DrawnToken, score
from speaker import load_speaker
from text_data import END_OF_TEXT
from trainer import RunDirectory

from .kind_workspace import make_workspace

GRID = {"temperatures": [0, 1.0], "top_ps": [0.02, 1.0], "num_samples": 3, "max_new_tokens": 20, "prompt": "The"}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory, texts, trained_run):
    return make_workspace(tmp_path_factory.mktemp("decoding"), texts, used_run=trained_run)


@pytest.fixture(scope="module")
def outcome(workspace):
    return decoding.run(GRID, 0, workspace)


def test_the_examples_of_the_measures_are_true():
    result = doctest.testmod(text_diversity)
    assert (result.failed, result.attempted > 2) == (0, True)


def test_distinct_n_counts_over_all_texts_and_repetition_within_each():
    same = [list("abcdef"), list("abcdef")]
    assert [distinct_share(same, n) for n in (1, 2, 3)] == [0.5, 0.5, 0.5]
    assert repeated_share(same, 4) == 0  # neither text repeats itself
    loop = [list("abcd" * 10)]
    assert repeated_share(loop, 4) == pytest.approx(33 / 37)
    assert distinct_share(loop, 4) == pytest.approx(4 / 37)


def test_texts_shorter_than_n_have_no_n_grams():
    assert distinct_share([[1], []], 2) == 0
    assert repeated_share([[1, 2, 3]], 4) == 0
    assert repeated_share([], 4) == 0


def test_measures_of_texts():
    texts = [
        decoding.Text(tuple(DrawnToken(token, -1.0) for token in (1, 2, 1, 2, 1, 2)), ended=False),
        decoding.Text((DrawnToken(1, -4.0), DrawnToken(3, -6.0)), ended=True),
    ]
    measured = decoding.describe(texts)
    assert measured["mean_log_probability"] == pytest.approx(-16 / 8)
    assert (measured["samples"], measured["tokens"], measured["mean_length"]) == (2, 8, 4)
    assert measured["share_ended"] == 0.5
    assert measured["distinct_1"] == pytest.approx(3 / 8)
    assert measured["repeated_4grams"] == pytest.approx(1 / 3)


def test_a_text_that_ended_at_once_has_no_tokens():
    measured = decoding.describe([decoding.Text((), ended=True)])
    assert (measured["tokens"], measured["distinct_1"], measured["mean_log_probability"]) == (0, 0, 0)


def test_the_grid_has_a_row_for_each_cell_but_one_for_greedy(outcome):
    assert [(row["temperature"], row["top_p"], row["samples"]) for row in outcome.rows] == [
        (0, 1.0, 3),
        (1.0, 0.02, 3),
        (1.0, 1.0, 3),
    ]
    assert all(row["tokens"] <= 20 * row["samples"] for row in outcome.rows)
    assert outcome.rows[0]["distinct_3"] <= 1 / 3  # the same text three times


def test_a_smaller_nucleus_gives_more_probable_and_less_varied_texts(outcome):
    _, narrow, full = outcome.rows
    assert full["mean_log_probability"] < narrow["mean_log_probability"] < 0
    assert narrow["distinct_1"] < full["distinct_1"]


def test_log_probabilities_are_those_of_the_model_itself(workspace):
    """Scored after generation, without temperature."""
    speaker = load_speaker(RunDirectory(workspace.used_run), device="cpu")
    settings = decoding.Settings(num_samples=2, max_new_tokens=10)
    for text in decoding.generate(speaker, settings, decoding.SamplingConfig(0.5), seed=3):
        prompt = speaker.encode_prompt(settings.prompt)
        again = score(speaker.model, [*prompt, *(token.id for token in text.tokens)])[len(prompt) - 1 :]
        expected = [token.log_probability for token in again]
        assert [token.log_probability for token in text.tokens] == pytest.approx(expected, abs=1e-4)


def test_the_same_seed_gives_the_same_texts(outcome, workspace):
    again = decoding.run(GRID, 0, workspace)
    assert again.texts == outcome.texts
    assert decoding.run(GRID, 1, workspace).texts != outcome.texts
    assert outcome.texts[0]["title"] == "temperature 0, top-p 1"
    assert all(text["text"].startswith("The") for text in outcome.texts)


def test_the_validation_text_is_measured_by_the_same_model(outcome, workspace):
    speaker = load_speaker(RunDirectory(workspace.used_run), device="cpu")
    first = workspace.text.valid_text.read_text("utf-8").split(END_OF_TEXT)[0].strip("\n")
    documents = decoding.score_documents(speaker, workspace.text.valid_text, decoding.Settings(max_new_tokens=20))
    assert [token.id for token in documents[0].tokens] == speaker.tokenizer.encode(first)[:20]
    assert not documents[0].ended
    assert outcome.values["text_samples"] == 3
    assert outcome.values["text_tokens"] == 60
    guessing = -math.log(speaker.model.config.vocab_size)
    assert outcome.values["text_mean_log_probability"] == pytest.approx(guessing, rel=0.2)  # of a model of four steps


def test_documents_are_read_across_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr(decoding, "read_text", lambda _: iter(["one<|endof", "text|>\ntwo\n<|endoftext|>", "three\n"]))
    assert list(decoding.read_documents(tmp_path)) == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperatures": []}, "temperatures is empty"),
        ({"temperatures": [-1]}, "temperature is -1"),
        ({"top_ps": [0]}, "top_p is 0"),
        ({"num_samples": 0}, "num_samples is 0"),
        ({"temperature": [1]}, "temperatures"),
    ],
)
def test_mistakes_are_refused(settings, message, workspace):
    with pytest.raises(ValueError, match=message):
        decoding.run(settings, 0, workspace)


def test_an_experiment_that_uses_no_run_is_refused(tmp_path, texts):
    with pytest.raises(ValueError, match="name an experiment in `uses`"):
        decoding.run({}, 0, make_workspace(tmp_path, texts))
