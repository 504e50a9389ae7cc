"""The documents that other libraries are trained on."""

import pytest

from benchmarks.tokenizer.adapters import peers_training


@pytest.mark.parametrize("chunk", [1, 3, 7, 1_000])
def test_documents_do_not_depend_on_how_the_file_is_read(tmp_path, monkeypatch, chunk):
    text = "one\r\n<|endoftext|>\n<|endoftext|><|endoftext|>tw<|endo<|endoftext|>é"
    (tmp_path / "text.txt").write_text(text, "utf-8", newline="")
    monkeypatch.setattr(peers_training, "_CHUNK_CHARACTERS", chunk)
    found = list(peers_training._documents(str(tmp_path / "text.txt")))
    assert found == text.split("<|endoftext|>")
