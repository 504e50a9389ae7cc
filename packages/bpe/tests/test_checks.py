"""Checks of arguments. What each function says about a text in place of a path is tested with that function."""

from pathlib import Path

import pytest

from bpe.checks import check_input_path, check_integer, check_path


def test_paths_are_returned(tmp_path):
    for path in ("text.txt", "a/b c.txt", Path("x"), "ü" * 100, "a" * 255, "/".join(["a" * 200] * 10)):
        assert check_path(path, "path", "") == Path(path)


@pytest.mark.parametrize(
    "path", ["two\nlines", "two\r\nlines", "a\0b", "a" * 256, "a/" * 2100, "b/" + "c" * 300, "ü" * 128]
)
def test_texts_are_errors_that_give_the_advice(path):
    for given in (path, Path(path)):
        with pytest.raises(ValueError, match=r"path is .*, which is a text and not the path of a file: do that"):
            check_path(given, "path", "do that")


def test_the_text_is_shortened():
    with pytest.raises(ValueError) as caught:
        check_path("to be or not to be\n" * 1000, "path", "do that")
    assert len(str(caught.value)) < 200


def test_an_existing_file_is_never_a_text(tmp_path):
    path = tmp_path / "two\nlines"
    path.touch()
    assert check_path(str(path), "path", "") == check_input_path(path, "path", "") == path


def test_a_missing_file_is_named_with_the_advice(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no such file \(do that\)") as caught:
        check_input_path(tmp_path / "missing", "path", "do that")
    assert caught.value.filename == str(tmp_path / "missing")


@pytest.mark.parametrize("value", [1.0, "1", None, True])
def test_what_is_not_an_integer(value):
    with pytest.raises(ValueError, match=f"size is {value!r}: give an integer"):
        check_integer("size", value)


def test_an_integer_that_is_too_small():
    check_integer("size", 1, 1)
    with pytest.raises(ValueError, match="size is 0: give at least 1"):
        check_integer("size", 0, 1)
