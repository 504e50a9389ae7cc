"""Manifests: which shards are one data set, and which are refused."""

import hashlib
import json

import pytest

from bpe import (
    TokenFileError,
    Tokenizer,
    describe_tokens,
    encode_shard,
    read_shard_manifest,
    read_token_file_info,
    write_shard_manifest,
)

from .conftest import END

NAMES = ["a.txt.bin", "b.txt.bin", "c.txt.bin"]


@pytest.fixture
def sources(tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    for name, text in {"a": "One, two.", "b": "Three? Four!", "c": "Żółta gęś."}.items():
        (folder / f"{name}.txt").write_text(f"{text}{END}", "utf-8")
    return sorted(folder.iterdir())


@pytest.fixture
def folder(tmp_path, tokenizer, sources):
    path = tmp_path / "tokens"
    path.mkdir()
    for source in sources:
        encode_shard(tokenizer, source, path)
    return path


def test_a_manifest_lists_all_shards_in_order(tokenizer, sources, folder):
    manifest = write_shard_manifest(folder)
    assert [entry.name for entry in manifest.shards] == NAMES
    contents = [(folder / name).read_bytes() for name in NAMES]
    assert [entry.sha256 for entry in manifest.shards] == [hashlib.sha256(data).hexdigest() for data in contents]
    assert [entry.count for entry in manifest.shards] == [len(data) // 2 for data in contents]
    assert [entry.text_bytes for entry in manifest.shards] == [source.stat().st_size for source in sources]
    info = manifest.info
    assert (info.dtype, info.vocab_size) == ("uint16", tokenizer.vocab_size)
    assert info.tokenizer_sha256 == tokenizer.fingerprint
    assert info.count == sum(map(len, contents)) // 2
    assert info.text_bytes == sum(source.stat().st_size for source in sources)
    path = folder / "shards.json"
    assert read_shard_manifest(path) == manifest
    assert describe_tokens(path) == info
    assert describe_tokens(folder / NAMES[0]) == read_token_file_info(folder / NAMES[0])


def test_the_order_is_the_given_one_and_the_content_depends_on_nothing_else(folder):
    first = write_shard_manifest(folder, reversed(NAMES))
    content = (folder / "shards.json").read_bytes()
    assert [entry.name for entry in first.shards] == NAMES[::-1]
    assert write_shard_manifest(folder).shards == first.shards[::-1]
    write_shard_manifest(folder, NAMES[::-1], verify=True)
    assert (folder / "shards.json").read_bytes() == content


def test_shards_in_folders(tokenizer, sources, tmp_path):
    folder = tmp_path / "nested"
    folder.mkdir()
    for k, source in enumerate(sources):
        encode_shard(tokenizer, source, folder, name=f"part_{k}/text.bin")
    assert [entry.name for entry in write_shard_manifest(folder).shards] == [f"part_{k}/text.bin" for k in range(3)]


def test_missing_and_incomplete_shards_are_named(folder):
    (folder / "b.txt.bin.shard.json").unlink()
    message = r"1 of 3 shards in .* are missing or incomplete: b\.txt\.bin; encode their sources"
    with pytest.raises(TokenFileError, match=message):
        write_shard_manifest(folder)
    missing = [f"{k}.bin" for k in range(7)]
    with pytest.raises(TokenFileError, match=r"7 of 8 .*: 0\.bin, 1\.bin, 2\.bin, 3\.bin, 4\.bin and 2 more;"):
        write_shard_manifest(folder, ["a.txt.bin", *missing])
    assert not (folder / "shards.json").exists()


def test_a_mixture_of_tokenizers_is_refused(trained, sources, folder):
    vocab, merges = trained
    encode_shard(Tokenizer(vocab, merges[:50], [END]), sources[1], folder)
    with pytest.raises(
        TokenFileError, match=r"a\.txt\.bin was encoded with the tokenizer \w{12}…, but b\.txt\.bin with"
    ):
        write_shard_manifest(folder)


def test_a_mixture_of_separators_is_refused(tokenizer, sources, folder):
    encode_shard(tokenizer, sources[1], folder, separator=END)
    message = r"a\.txt\.bin was encoded with the separator None, but b\.txt\.bin with '<\|endoftext\|>'"
    with pytest.raises(TokenFileError, match=message):
        write_shard_manifest(folder)


def test_shards_of_documents_state_column_and_separator(tokenizer, sources, folder):
    documents = folder / "d.jsonl"
    documents.write_text('{"body": "One."}\n{"body": "Two."}\n')
    names = [encode_shard(tokenizer, source, folder, column="body", separator=END).name for source in (documents,)]
    info = write_shard_manifest(folder, names).info
    assert (info.column, info.separator, info.text_bytes) == ("body", END, 8 + 2 * len(END))
    assert read_shard_manifest(folder / "shards.json").info == info
    names += [encode_shard(tokenizer, source, folder, separator=END).name for source in sources]
    info = write_shard_manifest(folder, names).info
    assert (info.column, info.separator) == (None, END)


def test_changed_ids_are_found_on_request(folder):
    path = folder / "c.txt.bin"
    path.write_bytes(b"\x00" * path.stat().st_size)
    write_shard_manifest(folder)
    with pytest.raises(TokenFileError, match=r"1 of 3 shards in .* have changed since they were written: c\.txt\.bin;"):
        write_shard_manifest(folder, verify=True)


def test_names_that_are_refused(folder, tmp_path):
    with pytest.raises(ValueError, match=r"names contains a\.txt\.bin twice"):
        write_shard_manifest(folder, [*NAMES, NAMES[0]])
    with pytest.raises(ValueError, match=r"the name of a shard is '\.\./x\.bin'"):
        write_shard_manifest(folder, ["../x.bin"])
    with pytest.raises(ValueError, match="there are no shards in"):
        write_shard_manifest(folder, [])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="there are no shards in"):
        write_shard_manifest(tmp_path / "empty")


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"shards": []},
        {"count": 1},
        {"dtype": "int8"},
        {"shards": [{"name": "../a.bin", "count": 3, "text_bytes": 1, "sha256": "0" * 64}], "count": 3},
        {"shards": [{"name": "a.bin", "count": 3, "text_bytes": 1, "sha256": "?"}], "count": 3},
        {"shards": [{"name": "a.bin"}]},
        {"shards": 3},
        {"surprise": 3},
    ],
)
def test_a_manifest_that_was_edited(folder, change):
    write_shard_manifest(folder)
    path = folder / "shards.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(TokenFileError, match=r"shards\.json is not a manifest of shards: .*; write it again"):
        read_shard_manifest(path)


@pytest.mark.parametrize("content", ["", "[]", "{", "null", "{}"])
def test_what_is_not_a_manifest(tmp_path, content):
    path = tmp_path / "shards.json"
    path.write_text(content)
    with pytest.raises(TokenFileError, match="is not a manifest of shards"):
        read_shard_manifest(path)
