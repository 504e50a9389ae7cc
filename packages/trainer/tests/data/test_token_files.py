import json

import numpy as np
import pytest

from trainer import DataError
from trainer.data import open_token_file, open_tokens

from ..conftest import VOCAB, write_tokens


def describe(path, **changes):
    description = path.with_name(path.name + ".json")
    description.write_text(json.dumps({**json.loads(description.read_text()), **changes}))


@pytest.mark.parametrize("dtype", ["uint16", "uint32"])
def test_tokens_are_memory_mapped_read_only(tmp_path, dtype):
    path = write_tokens(tmp_path / "t.bin", [3, 1, 4, 1, 5], dtype)
    tokens = open_tokens(path, VOCAB)
    assert isinstance(tokens, np.memmap)
    assert tokens.tolist() == [3, 1, 4, 1, 5]
    with pytest.raises(ValueError, match="read-only"):
        tokens[0] = 1


def test_a_description_of_documents(tmp_path):
    path = write_tokens(tmp_path / "t.bin", [3, 1, 4, 1, 5])
    describe(path, column="text", separator="<|endoftext|>", text_bytes=20)
    assert open_tokens(path, VOCAB).tolist() == [3, 1, 4, 1, 5]
    assert open_token_file(path, VOCAB).bytes_per_token == 4


def test_ids_outside_the_vocabulary_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr("trainer.data.token_files._CHECKED_AT_ONCE", 4)
    path = write_tokens(tmp_path / "t.bin", [1, 2, 3, 4, 5, 31, 6])
    with pytest.raises(DataError, match=r"t\.bin has the id 31 at position 5, but .* vocabulary has 31 entries"):
        open_tokens(path, 31)
    assert len(open_tokens(path, 32)) == 7


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.unlink(), r"t\.bin does not exist"),
        (lambda path: path.with_name("t.bin.json").unlink(), r"t\.bin\.json does not exist"),
        (
            lambda path: path.write_bytes(path.read_bytes()[:-1]),
            r"has 9 bytes, but .* 5 ids of 2 bytes",
        ),
        (lambda path: path.with_name("t.bin.json").write_text("{"), "does not state dtype and count"),
        (lambda path: path.with_name("t.bin.json").write_text("[]"), "does not state dtype and count"),
        (lambda path: path.with_name("t.bin.json").write_text('{"dtype": "f8", "count": 1}'), "does not state dtype"),
        (lambda path: describe(path, dtype=["uint16"]), "does not state dtype"),
        (lambda path: path.with_name("t.bin.json").write_text("[" * 100_000), "does not state dtype"),
        (lambda path: path.with_name("t.bin.json").write_bytes(b"\xff"), "does not state dtype"),
        (lambda path: describe(path, count="5"), "has count = '5', which is not a number of ids"),
        (lambda path: describe(path, count=True), "has count = True, which is not a number of ids"),
        (lambda path: describe(path, count=-5), "has count = -5, which is not a number of ids"),
        (lambda path: describe(path, count=float("inf")), "has count = inf, which is not a number of ids"),
        (lambda path: describe(path, count=10**30), "states 10{30} ids"),
        (lambda path: describe(path, tokenizer_sha256=3), "has tokenizer_sha256 = 3"),
        (lambda path: describe(path, text_bytes=-1), "has text_bytes = -1"),
        (lambda path: describe(path, text_bytes=0), "has text_bytes = 0"),
        (lambda path: describe(path, text_bytes=1.5), r"has text_bytes = 1\.5"),
        (lambda path: write_tokens(path, []), "has 0 bytes"),
    ],
)
def test_damaged_files_are_refused(tmp_path, spoil, message):
    path = write_tokens(tmp_path / "t.bin", [3, 1, 4, 1, 5])
    spoil(path)
    with pytest.raises(DataError, match=message):
        open_tokens(path, VOCAB)


def test_the_description_may_state_the_tokenizer_and_the_size_of_the_text(tmp_path):
    path = write_tokens(tmp_path / "t.bin", [3, 1, 4, 1, 5])
    file = open_token_file(path, VOCAB)
    assert (file.tokenizer_sha256, file.text_bytes, file.bytes_per_token) == (None, None, None)
    describe(path, tokenizer_sha256="abc", text_bytes=20, of_later_versions=1)
    file = open_token_file(path, VOCAB)
    assert (file.path, file.tokenizer_sha256, file.text_bytes, file.bytes_per_token) == (path, "abc", 20, 4.0)
