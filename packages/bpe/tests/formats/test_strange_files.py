"""Untrusted files: whatever their bytes, they raise an error or give a tokenizer that works."""

import copy
import doctest
import importlib
import json
import pkgutil
import tracemalloc

import pytest
from hypothesis import given, strategies as st

from bpe import Tokenizer, TokenizerFileError, formats, read_files
from bpe.formats import reading

VOCAB = {**{byte: bytes([byte]) for byte in range(256)}, 256: b"th", 257: b"the", 258: b" the", 259: b"<|end|>"}
MERGES = [(b"t", b"h"), (b"th", b"e"), (b" ", b"the")]
TEXT = "the end, is (not) the\nEND<|end|> 7é"
READERS = {
    "tokenizer.json": Tokenizer.load,
    "x.tiktoken": Tokenizer.from_tiktoken,
    "vocab.json": lambda path: Tokenizer.from_files(path, path.with_name("merges.txt")),
    "merges.txt": lambda path: Tokenizer.from_files(path.with_name("vocab.json"), path),
}


@pytest.fixture(scope="session")
def valid(tmp_path_factory):
    """The bytes of a valid file of each kind."""
    folder = tmp_path_factory.mktemp("valid")
    tokenizer = Tokenizer(VOCAB, MERGES, ["<|end|>"], pattern="cl100k")
    tokenizer.save(folder / "tokenizer.json")
    tokenizer.save_tiktoken(folder / "x.tiktoken")
    tokenizer.save_gpt2(folder / "vocab.json", folder / "merges.txt")
    return {name: (folder / name).read_bytes() for name in READERS}


@pytest.fixture(scope="session")
def folder(tmp_path_factory, valid):
    folder = tmp_path_factory.mktemp("strange")
    for name in READERS:
        (folder / name).write_bytes(valid[name])
    return folder


def outcome(function, argument):
    """Return the result and the ValueError, one of which is None. Any other exception is raised."""
    try:
        return function(argument), None
    except ValueError as error:
        return None, error


def changes_text(tokenizer):
    """Whether the file asks for it, as ByteLevel does without the line that says `"add_prefix_space": false`."""
    return tokenizer.rules.normalizer or tokenizer.rules.prefix_space or tokenizer.pattern.startswith("?")


def check(folder, valid, name, content):
    """Read the content as a file of that name: TokenizerFileError, or a tokenizer that works."""
    path = folder / name
    path.write_bytes(content)
    tokenizer, error = outcome(READERS[name], path)
    path.write_bytes(valid[name])
    if tokenizer is None:
        assert isinstance(error, TokenizerFileError)
        assert name in str(error)
        assert len(str(error)) < 1000
        return
    ids, lacking = outcome(tokenizer.encode, TEXT)
    if ids is None:
        assert "which is not in the vocabulary" in str(lacking)
    else:
        assert tokenizer.decode(ids) == TEXT or changes_text(tokenizer)
    if outcome(tokenizer.save, folder / "again.json")[1] is None:
        assert Tokenizer.load(folder / "again.json").fingerprint == tokenizer.fingerprint


def test_without_its_line_a_prefix_space_is_the_default(folder, valid):
    lines = valid["tokenizer.json"].splitlines(keepends=True)
    content = b"".join(line for line in lines if b"add_prefix_space" not in line)
    assert len(content) < len(valid["tokenizer.json"])
    check(folder, valid, "tokenizer.json", content)


@given(name=st.sampled_from(list(READERS)), content=st.binary(max_size=200))
def test_random_bytes(folder, valid, name, content):
    check(folder, valid, name, content)


@given(name=st.sampled_from(list(READERS)), data=st.data())
def test_random_bytes_in_a_valid_file(folder, valid, name, data):
    content = bytearray(valid[name])
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(content)))
        end = data.draw(st.integers(start, min(start + 30, len(content))))
        content[start:end] = data.draw(st.binary(max_size=8) | st.sampled_from([b"", bytes(content[start:end]) * 2]))
    check(folder, valid, name, bytes(content))


numbers = st.integers() | st.floats() | st.sampled_from([2**24, 2**32 - 1, 2**63, 10**4000, -1])
strings = st.text(max_size=5) | st.sampled_from(["\ud800", "gpt2", "(?:a|", r"\h", "Isolated", "the", "a b", "Ġ"])
values = st.recursive(
    st.none() | st.booleans() | numbers | strings,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(strings, inner, max_size=3),
)


def places(content, above=()):
    """Every place in a tree of JSON, as a path of keys; only the first entries of long lists."""
    yield above
    entries = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in list(entries)[:12]:
        yield from places(value, (*above, key))


@given(name=st.sampled_from(["tokenizer.json", "vocab.json"]), data=st.data())
def test_random_values_in_a_valid_file(folder, valid, name, data):
    content = {"": json.loads(valid[name])}
    for _ in range(data.draw(st.integers(1, 2))):
        *above, last = data.draw(st.sampled_from([place for place in places(content) if place]))
        parent = content
        for key in above:
            parent = parent[key]
        parent[last] = data.draw(values | st.sampled_from([copy.deepcopy(content[""])]))
    check(folder, valid, name, json.dumps(content[""]).encode())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("vocab.json", b'{"a": 4294967295}'),
        ("vocab.json", b'{"a": 1e999}'),
        ("vocab.json", b'{"a": ' + b"9" * 5000 + b"}"),
        ("vocab.json", b'{"a":' * 100_000),
        ("vocab.json", b'{"a": ' + b"[" * 900 + b"]" * 900 + b"}"),
        ("x.tiktoken", b"YQ== 4294967295\nYg== 0\nYw== 1\n"),
        ("x.tiktoken", b"Y" * 1_000_000 + b" 0\n"),
        ("merges.txt", b"a" * 1_000_000),
    ],
)
def test_absurd_sizes_are_errors_without_much_memory(folder, valid, name, content):
    tracemalloc.start()
    try:
        (folder / name).write_bytes(content)
        with pytest.raises(TokenizerFileError, match=name):
            READERS[name](folder / name)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
        (folder / name).write_bytes(valid[name])


def test_a_file_without_end_is_not_read_completely(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_FILE_BYTES", 1000)
    monkeypatch.setattr(read_files, "MAX_FILE_BYTES", 1000)
    (tmp_path / "large").write_bytes(b"x" * 1001)
    for path in [tmp_path / "large", "/dev/zero"]:
        with pytest.raises(TokenizerFileError, match="has more than 1000 bytes, too many for a tokenizer"):
            Tokenizer.load(path)


@pytest.mark.parametrize("value", [b"[]", b"{}", b"1.5", b'""'])
def test_json_of_many_small_values_is_not_parsed(tmp_path, monkeypatch, value):
    monkeypatch.setattr(reading, "MAX_JSON_VALUES", 1000)
    (tmp_path / "many.json").write_bytes(b"[" + b",".join([value] * 1001) + b"]")
    with pytest.raises(TokenizerFileError, match="has more than 1000 values, too many for a tokenizer"):
        Tokenizer.load(tmp_path / "many.json")


def test_sparse_ids_within_the_limit_need_little_memory(tmp_path):
    (tmp_path / "x.tiktoken").write_bytes(b"YQ== 16777215\nYg== 0\n")
    tracemalloc.start()
    try:
        tokenizer = Tokenizer.from_tiktoken(tmp_path / "x.tiktoken")
        assert tokenizer.encode("ab") == [16777215, 0]
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_the_examples_in_the_docstrings():
    modules = [importlib.import_module(f"bpe.formats.{entry.name}") for entry in pkgutil.iter_modules(formats.__path__)]
    results = [doctest.testmod(module) for module in modules]
    assert sum(result.failed for result in results) == 0
    assert sum(result.attempted for result in results) > 3
