"""Which format `Tokenizer.load` reads a file in, and which file of a folder."""

import pytest

from bpe import Tokenizer, TokenizerFileError

from .test_tekken import content, write


def test_a_folder_has_a_tokenizer(tokenizer, trained, tmp_path):
    with pytest.raises(
        TokenizerFileError, match=r"none of tokenizer\.json, tekken\.json, tokenizer\.model, tokenizer\.bin"
    ):
        Tokenizer.load(tmp_path)
    (tmp_path / "tokenizer.bin").write_bytes(b"")
    with pytest.raises(TokenizerFileError, match=r"tokenizer\.bin has 0 bytes"):
        Tokenizer.load(tmp_path)
    (tmp_path / "tokenizer.model").write_bytes(b"")
    with pytest.raises(TokenizerFileError, match=r"tokenizer\.model has no pieces"):
        Tokenizer.load(tmp_path)
    write(tmp_path / "tekken.json", content(trained))
    assert Tokenizer.load(tmp_path).begin_ids == (1,)
    tokenizer.save(tmp_path / "tokenizer.json")
    assert Tokenizer.load(tmp_path).fingerprint == tokenizer.fingerprint
    assert Tokenizer.load(str(tmp_path / "tekken.json")).begin_ids == (1,)


def test_json_is_recognized_by_its_content(trained, tmp_path):
    path = write(tmp_path / "tokenizer.json", content(trained))
    assert Tokenizer.load(path).begin_ids == (1,)
    with pytest.raises(TokenizerFileError, match="'config' is missing"):
        Tokenizer.from_tekken(write(tmp_path / "empty.json", {}))
