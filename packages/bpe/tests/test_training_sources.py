import pytest

from bpe import TextFileError
from bpe.training_sources import open_source


def read(source):
    return ["".join(chunks) for chunks in source.texts()]


def test_one_path_several_paths_and_strings(tmp_path):
    one, two = tmp_path / "one.txt", tmp_path / "two.txt"
    one.write_bytes("żółć\r\n".encode())
    two.write_bytes(b"two")
    for source, texts in [
        (one, ["żółć\r\n"]),
        (str(one), ["żółć\r\n"]),
        ([one, str(two)], ["żółć\r\n", "two"]),
        ((two,), ["two"]),
        (iter(["żółć\r\n", "two"]), ["żółć\r\n", "two"]),
        ({"two": 1}, ["two"]),
        ((line for line in ["", "a"]), ["", "a"]),
    ]:
        opened = open_source(source)
        assert read(opened) == texts
        assert opened.bytes_read == len("".join(texts).encode())


def test_the_size_is_known_for_files(tmp_path):
    (tmp_path / "a").write_bytes("é".encode())
    assert open_source([tmp_path / "a", tmp_path / "a"]).size == 4
    assert open_source(iter(["é"])).size is None


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"text.txt", "cannot train on an object of type bytes: give a path"),
        (7, "cannot train on an object of type int"),
        (None, "cannot train on an object of type NoneType"),
        ([], "the list of files to train on is empty"),
        ([b"a"], "item 0 of the list to train on is of type bytes: give the path of a file as str or Path"),
        ([__file__, None], "item 1 of the list to train on is of type NoneType"),
        ("", "the source to train on is an empty string"),
    ],
)
def test_what_is_not_a_source(source, message):
    with pytest.raises(ValueError, match=message):
        open_source(source)


ITERATOR = r"to train on a text, give an iterator of strings, such as iter\(\[text\]\)"
LIST = r"a list or tuple means paths of files; to train on texts, give an iterator of strings, such as iter\(texts\)"


TEXTS = ["To be, or not to be\n", "a" * 256, "to be\0", "to be " * 1000, "/and/or" * 1000, "\r\n"]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_in_place_of_a_path(text):
    """Instead of "File name too long"."""
    with pytest.raises(ValueError, match=f"the source to train on is .*, which is a text .*: {ITERATOR}") as caught:
        open_source(text)
    assert len(str(caught.value)) < 300
    for texts in ([text, "b"], (text,)):
        with pytest.raises(ValueError, match=f"item 0 of the list to train on is .*, which is a text .*: {LIST}"):
            open_source(texts)


def test_a_short_text_in_place_of_a_path():
    """It could be the name of a missing file, so the error is that of a missing file, and says both."""
    with pytest.raises(FileNotFoundError, match=f"no such file .*{ITERATOR}.*'to be'"):
        open_source("to be")
    with pytest.raises(FileNotFoundError, match=f"no such file .*{LIST}.*'some text'"):
        open_source(["some text", "more text"])


def test_a_path_that_looks_like_a_text(tmp_path):
    path = tmp_path / "two\nlines"
    path.write_bytes(b"text")
    assert read(open_source(str(path))) == read(open_source([path])) == ["text"]


@pytest.mark.parametrize(
    ("strings", "message"),
    [
        (["a", b"b"], "item 1 of the iterable to train on is of type bytes: it has to yield strings"),
        ([["a"]], "item 0 of the iterable to train on is of type list"),
        (
            ["a", "b\ud800"],
            r"item 1 of the iterable to train on cannot be encoded .* lone surrogate '\\ud800' at character 1",
        ),
        ([], "has no text in it"),
        (["", ""], "has no text in it"),
    ],
)
def test_iterables_that_do_not_yield_text(strings, message):
    with pytest.raises(ValueError, match=message):
        read(open_source(iter(strings)))


def test_files_that_are_missing_empty_or_not_utf8(tmp_path):
    (tmp_path / "good").write_bytes(b"good")
    (tmp_path / "empty").touch()
    (tmp_path / "latin").write_bytes(b"caf\xe9 au lait")
    with pytest.raises(FileNotFoundError, match="missing"):
        open_source([tmp_path / "good", tmp_path / "missing"])
    with pytest.raises(TextFileError, match="empty is empty"):
        read(open_source([tmp_path / "good", tmp_path / "empty"]))
    with pytest.raises(TextFileError, match="latin is not UTF-8: byte 0xe9 at offset 3"):
        read(open_source([tmp_path / "good", tmp_path / "latin"]))
