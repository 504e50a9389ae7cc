"""The format of the files that tables are kept in. `test_tokenizer_lazy` has what tokenizers do with them."""

import os

import pytest

from bpe import table_files
from bpe.kernels.runtime import cache_files
from bpe.table_files import Section, content_key, kept_vocabulary, read_tables, vocabulary_sections, write_tables

VOCAB = {7: b"a", 3: b"", 70_000: b"\xff\x00", 4: b"a"}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(cache_files, "folders", lambda: iter([tmp_path]))
    return tmp_path


def test_facts_and_arrays_come_back(folder):
    arrays = {"empty": Section("<i8", memoryview(b"")), "bytes": Section("|u1", memoryview(b"123"))}
    write_tables("a", {"text": "\ud800é", "list": [1, None]}, arrays | vocabulary_sections(VOCAB))
    found = read_tables("a")
    assert found.facts == {"text": "\ud800é", "list": [1, None]}
    assert found.sections["bytes"] == ("|u1", b"123")
    assert (found.sections["empty"].dtype, found.sections["empty"].data.nbytes) == ("<i8", 0)
    assert list(kept_vocabulary(found).items()) == list(VOCAB.items())
    assert [path.suffix for path in folder.iterdir()] == [".tables"]


def test_every_changed_byte_is_found(folder):
    write_tables("a", {"x": 1}, vocabulary_sections(VOCAB))
    (path,) = folder.iterdir()
    right = path.read_bytes()
    for position in range(0, len(right), 3):
        path.write_bytes(right[:position] + bytes([right[position] ^ 4]) + right[position + 1 :])
        found = read_tables("a")
        assert found is None or found.sections is None
        assert found is None or kept_vocabulary(found) is None
    for length in range(0, len(right), 7):
        path.write_bytes(right[:length])
        assert read_tables("a") is None


def test_a_missing_file():
    assert read_tables("b") is None


def test_keys_differ_with_everything():
    keys = [
        content_key("kind", [b"ab", b"c"], None),
        content_key("kind", [b"a", b"bc"], None),
        content_key("kind", [b"abc"], None),
        content_key("other", [b"ab", b"c"], None),
        content_key("kind", [b"ab", b"c"], ["<a>"]),
        content_key("kind", [b"ab", b"c"], [["<a>", 1]]),
    ]
    assert content_key("kind", [b"ab", b"c"], None) == keys[0]
    assert len(set(keys)) == len(keys)


def test_another_version_of_this_package_finds_nothing(monkeypatch):
    write_tables("a", {"x": 1}, {})
    assert read_tables("a") is not None
    monkeypatch.setattr(table_files, "_environment", lambda: ["another version"])
    assert read_tables("a") is None


def test_sources_that_are_in_no_folder(monkeypatch):
    monkeypatch.setattr(table_files, "_listing", lambda folder: os.listdir("/missing"))
    first, second = (table_files._environment.__wrapped__() for _ in range(2))
    assert first != second


def test_what_json_cannot_express_has_no_key():
    assert content_key("kind", [b"a"], [object()]) is None


def test_sources_are_part_of_the_name(tmp_path):
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "code.py").write_text("1")
    before = table_files._listing(str(tmp_path))
    (tmp_path / "data.txt").write_text("1")
    assert table_files._listing(str(tmp_path)) == before
    (tmp_path / "below" / "code.py").write_text("12")
    assert table_files._listing(str(tmp_path)) != before
