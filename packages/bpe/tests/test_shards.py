"""Shards: encoded once, and again whenever something that determines the ids has changed."""

import hashlib
import json
import os

import pytest

from bpe import TextFileError, Tokenizer, encode_file, encode_shard, read_token_file_info, shard_name
from bpe.shards import finished_shard

from .conftest import END, SCRIPTS


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "texts" / "a.txt"
    path.parent.mkdir()
    path.write_text(SCRIPTS, newline="")
    return path


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "tokens"
    path.mkdir()
    return path


def identity(path):
    """Which file is at a path: another one if it was written again."""
    status = path.stat()
    return status.st_ino, status.st_mtime_ns


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_shard_is_the_token_file_of_its_source(tokenizer, source, folder, tmp_path):
    shard = encode_shard(tokenizer, source, folder)
    info = encode_file(tokenizer, source, tmp_path / "alone.bin")
    assert (folder / "a.txt.bin").read_bytes() == (tmp_path / "alone.bin").read_bytes()
    assert read_token_file_info(folder / "a.txt.bin") == shard.tokens == info
    assert (shard.name, shard.source_bytes) == ("a.txt.bin", source.stat().st_size)
    assert (shard.source_sha256, shard.ids_sha256) == (sha256(source), sha256(tmp_path / "alone.bin"))
    assert sorted(os.listdir(folder)) == ["a.txt.bin", "a.txt.bin.json", "a.txt.bin.shard.json"]


def test_a_finished_shard_is_not_encoded_again(tokenizer, source, folder):
    first = encode_shard(tokenizer, source, folder)
    before = {path: identity(path) for path in folder.iterdir()}
    os.utime(source)  # only its time has changed
    assert encode_shard(tokenizer, source, folder) == first == finished_shard(folder, "a.txt.bin")
    assert {path: identity(path) for path in folder.iterdir()} == before


def test_what_determines_the_ids_has_changed(tokenizer, trained, source, folder):
    first = encode_shard(tokenizer, source, folder)
    source.write_text(SCRIPTS.replace("quick", "slick"), newline="")  # of the same size
    second = encode_shard(tokenizer, source, folder)
    assert second.source_sha256 != first.source_sha256
    assert second.ids_sha256 == sha256(folder / "a.txt.bin") != first.ids_sha256
    vocab, merges = trained
    other = Tokenizer(vocab, merges[:100], [END])
    third = encode_shard(other, source, folder)
    assert third.tokens.tokenizer_sha256 == other.fingerprint
    assert third.ids_sha256 == sha256(folder / "a.txt.bin") != second.ids_sha256


def test_another_column_or_separator(tokenizer, folder, tmp_path):
    source = tmp_path / "a.jsonl"
    source.write_text('{"text": "One", "body": "Two"}\n')
    with pytest.raises(ValueError, match="separator"):
        encode_shard(tokenizer, source, folder)
    ids = []
    for options in ({"separator": END}, {"separator": END, "column": "body"}, {"separator": "", "column": "body"}):
        shard = encode_shard(tokenizer, source, folder, **options)
        before = identity(folder / shard.name)
        assert encode_shard(tokenizer, source, folder, **options) == shard
        assert identity(folder / shard.name) == before
        ids.append(shard.ids_sha256)
    assert len(set(ids)) == 3


def cut(path):
    path.write_bytes(path.read_bytes()[:-2])


def edit(path):
    path.write_text(json.dumps(json.loads(path.read_text()) | {"source_bytes": "many"}))


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("a.txt.bin", os.unlink),  # such as by a process that was killed between two steps
        ("a.txt.bin.json", os.unlink),
        ("a.txt.bin.shard.json", os.unlink),
        ("a.txt.bin", cut),
        ("a.txt.bin.json", cut),
        ("a.txt.bin.shard.json", cut),
        ("a.txt.bin.shard.json", edit),
    ],
)
def test_an_unfinished_shard_does_not_count_and_is_encoded_again(tokenizer, source, folder, name, damage):
    whole = encode_shard(tokenizer, source, folder)
    damage(folder / name)
    assert finished_shard(folder, "a.txt.bin") is None
    assert encode_shard(tokenizer, source, folder) == whole == finished_shard(folder, "a.txt.bin")
    assert sha256(folder / "a.txt.bin") == whole.ids_sha256


def test_a_token_file_written_by_something_else_does_not_count(tokenizer, source, folder, tmp_path):
    encode_shard(tokenizer, source, folder)
    other = tmp_path / "b.txt"
    other.write_text("Something else.")
    encode_file(tokenizer, other, folder / "a.txt.bin")
    assert finished_shard(folder, "a.txt.bin") is None


def test_the_record_of_a_shard_is_removed_before_the_shard_is_replaced(tokenizer, source, folder):
    encode_shard(tokenizer, source, folder)
    source.write_bytes(b"not UTF-8: \xff")
    with pytest.raises(TextFileError, match=r"a\.txt is not UTF-8"):
        encode_shard(tokenizer, source, folder)
    assert finished_shard(folder, "a.txt.bin") is None


def test_a_source_that_changes_meanwhile(tokenizer, source, folder, monkeypatch):
    def encode_and_change(*arguments, **options):
        info = encode_file(*arguments, **options)
        source.write_text("Another text.")
        return info

    monkeypatch.setattr("bpe.shards.encode_file", encode_and_change)
    with pytest.raises(TextFileError, match=r"a\.txt changed while it was encoded"):
        encode_shard(tokenizer, source, folder)
    assert finished_shard(folder, "a.txt.bin") is None


def test_names(tokenizer, source, folder, tmp_path):
    assert shard_name(source) == "a.txt.bin"
    assert shard_name(source, tmp_path) == "texts/a.txt.bin"
    shard = encode_shard(tokenizer, source, folder, name=shard_name(source, tmp_path))
    assert finished_shard(folder, "texts/a.txt.bin") == shard
    assert (folder / "texts" / "a.txt.bin").is_file()
    with pytest.raises(ValueError, match=r"a\.txt is not in the folder .*tokens: give a folder that contains all"):
        shard_name(source, folder)


@pytest.mark.parametrize("name", ["../a.bin", "/a.bin", "a/../b.bin", "./a.bin", "a//b.bin", "a.txt", ".."])
def test_names_that_cannot_be_in_the_folder(tokenizer, source, folder, name):
    with pytest.raises(ValueError, match=r"the name of a shard is .*: give a path in the folder"):
        encode_shard(tokenizer, source, folder, name=name)
    assert os.listdir(folder) == []


def test_arguments(tokenizer, source, folder, tmp_path):
    with pytest.raises(ValueError, match="tokenizer is of type str: give a Tokenizer"):
        encode_shard("tokenizer.json", source, folder)
    with pytest.raises(FileNotFoundError, match="create the folder for the shards first"):
        encode_shard(tokenizer, source, tmp_path / "none")
    with pytest.raises(NotADirectoryError):
        encode_shard(tokenizer, source, source)
    with pytest.raises(ValueError, match="texts is not a regular file"):
        encode_shard(tokenizer, source.parent, folder)
    with pytest.raises(FileNotFoundError):
        encode_shard(tokenizer, tmp_path / "none.txt", folder)
