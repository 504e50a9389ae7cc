"""The questions about Unicode: their examples are run, and what they say about real text is measured."""

import doctest
from dataclasses import replace

import pytest

from experimentation import unicode_questions
from experimentation.kinds import unicode
from experimentation.unicode_questions import QUESTIONS

from .kind_workspace import make_workspace


def test_all_examples_are_true():
    result = doctest.testmod(unicode_questions)
    assert (result.failed, result.attempted > 25) == (0, True)
    result = doctest.testmod(unicode)
    assert (result.failed, result.attempted) == (0, 1)


def test_each_question_shows_its_examples():
    for question in QUESTIONS:
        row = unicode.answer(question)
        assert row["question"].endswith("?")
        assert row["example"].count(">>> ") == question.examples.count(">>> ") > 0
        assert all(not line.startswith("        >>>") for line in row["example"].splitlines())


def test_the_wrong_decoder_is_shown_without_its_docstring():
    (row,) = (unicode.answer(question) for question in QUESTIONS if question.name == "wrong_decoder")
    shown, _, session = row["example"].partition("\n\n")
    namespace = {}
    exec(shown, namespace)
    assert namespace["decode_byte_by_byte"](b"abc") == "abc"
    assert len(shown.splitlines()) == 2
    assert session.startswith('>>> decode_byte_by_byte("hello".encode())\n')


def test_an_example_that_is_wrong_is_an_error():
    wrong = replace(QUESTIONS[0], examples="\n>>> ord(chr(0))\n1\n")
    with pytest.raises(ValueError, match="an example of the question null is wrong"):
        unicode.answer(wrong)


def test_the_pairs_of_bytes_that_are_utf_8_are_those_of_its_definition():
    """Two characters of one byte each, or one of two, 110xxxxx 10xxxxxx, without the overlong C0 and C1."""
    for first, second in map(tuple, unicode_questions.byte_pairs()):
        valid = (first < 0x80 and second < 0x80) or (0xC2 <= first < 0xE0 and 0x80 <= second < 0xC0)
        assert unicode_questions.decodes(bytes([first, second])) == valid


def test_texts_are_measured_in_each_encoding(tmp_path, texts):
    workspace = make_workspace(tmp_path, texts)
    outcome = unicode.run({}, 0, workspace)
    text = workspace.other_text.valid_text.read_text("utf-8")
    assert outcome.values["web_utf_8_bytes"] == len(text.encode())
    assert outcome.values["web_utf_16_bytes"] == len(text.encode("utf-16")) - 2  # the mark of the byte order
    assert outcome.values["web_utf_32_bytes"] == 4 * len(text)
    assert outcome.values["stories_utf_8_bytes"] == workspace.text.valid_text.stat().st_size
    assert len(outcome.rows) == len(QUESTIONS)


def test_of_a_long_text_the_first_characters_are_measured(tmp_path):
    text = tmp_path / "long.txt"
    text.write_text("é" * 2_000_000, "utf-8")  # more than one chunk
    assert unicode.beginning(text, 1_500_000) == "é" * 1_500_000
    assert unicode.beginning(text, 3) == "ééé"
    assert len(unicode.beginning(text, 3_000_000)) == 2_000_000


def test_mistakes_are_refused():
    with pytest.raises(ValueError, match="characters is 0"):
        unicode.run({"characters": 0}, 0, None)
