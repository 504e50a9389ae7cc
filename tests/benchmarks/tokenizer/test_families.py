"""The table of tokenizer files: equal ones, one that differs, one that is refused."""

import json

import pytest
import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

from benchmarks.tokenizer import families


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    made = tokenizers.Tokenizer(models.BPE())
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<|end|>"],
        show_progress=False,
    )
    made.train_from_iterator(["One day a fox met a hen. " * 20], trainer)
    path = tmp_path_factory.mktemp("family") / "tokenizer.json"
    made.save(str(path))
    return path


def changed(file, tmp_path, change):
    content = json.loads(file.read_text("utf-8"))
    change(content)
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(content), "utf-8")
    return path


def test_a_file_with_equal_ids(file, capsys):
    families.main([str(file), "--texts", "200"])
    row = capsys.readouterr().out.splitlines()[-1]
    assert "NFC, ByteLevel, 1 added tokens" in row
    assert "200 of 200" in row
    assert file.parent.name in row
    assert float(row.split(" | ")[-1].rstrip("×| ")) > 0


def test_a_tokenizer_without_kernels_has_no_speed(file, monkeypatch):
    monkeypatch.setattr(families.Tokenizer, "load_kernels", lambda self, num_threads: False)
    assert families.compare(file, 5)[1:] == ("5 of 5", "0", "no kernels")


def test_a_difference_is_counted(file, monkeypatch):
    monkeypatch.setattr(families.Tokenizer, "encode", lambda self, text, add_special_tokens=False: [0])
    assert families.compare(file, 20)[1] in ("0 of 20", "1 of 20", "2 of 20")  # a text may be one token


def test_a_file_that_is_refused_has_the_reason(file, tmp_path):
    path = changed(file, tmp_path, lambda content: content["model"].update(dropout=0.1))
    assert families.compare(path, 20)[1].startswith("refused: its model has dropout = 0.1")


def test_what_is_not_a_tokenizer_is_an_error(tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text("{}")
    with pytest.raises(ValueError, match=r"is not a tokenizer\.json that tokenizers can read"):
        families.main([str(path)])


def test_a_missing_file_is_an_error_of_its_own(tmp_path):
    with pytest.raises(FileNotFoundError):
        families.main([str(tmp_path / "tokenizer.json")])
