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
        ([b"a"], "item 0 of the list to train on is of type bytes"),
    ],
)
def test_what_is_no_source(source, message):
    with pytest.raises(ValueError, match=message):
        open_source(source)


@pytest.mark.parametrize(
    ("strings", "message"),
    [
        (["a", b"b"], "item 1 of the iterable to train on is of type bytes: it has to yield strings"),
        ([["a"]], "item 0 of the iterable to train on is of type list"),
        (["a", "b\ud800"], r"item 1 of the iterable to train on is no text .* lone surrogate '\\ud800' at character 1"),
        ([], "has no text in it"),
        (["", ""], "has no text in it"),
    ],
)
def test_iterables_that_yield_no_text(strings, message):
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
