"""Tests of the corpus files: complete or absent, reproducible, and split without overlap."""

from pathlib import Path

import pytest

from stories import generate_stories, write_corpus


def read_corpus(path: Path) -> list[str]:
    text = path.read_bytes().decode("ascii")
    assert "\r" not in text
    assert text.endswith("\n<|endoftext|>\n")
    return text.removesuffix("\n<|endoftext|>\n").split("\n<|endoftext|>\n")


def test_corpus_files(tmp_path):
    train_path, valid_path = tmp_path / "train.txt", tmp_path / "valid.txt"
    write_corpus(train_path, valid_path, 300_000, seed=9, valid_fraction=0.1)
    train, valid = read_corpus(train_path), read_corpus(valid_path)
    assert set(train).isdisjoint(valid)
    assert sorted(train + valid) == sorted(generate_stories(300_000, 9))
    share = sum(map(len, valid)) / sum(map(len, train + valid))
    assert 0.09 < share <= 0.1
    assert sorted(tmp_path.iterdir()) == [train_path, valid_path]


def test_corpus_is_reproducible(tmp_path):
    contents = []
    for run in ("a", "b"):
        paths = tmp_path / f"{run}.train", tmp_path / f"{run}.valid"
        write_corpus(*paths, 50_000, seed=1)
        contents.append([path.read_bytes() for path in paths])
    assert contents[0] == contents[1]


def test_nothing_is_left_when_writing_fails(tmp_path, monkeypatch):
    train_path, valid_path = tmp_path / "train.txt", tmp_path / "valid.txt"
    train_path.write_text("an older corpus")
    write_text = Path.write_text

    def fail_at_valid(path, text, **options):
        if path.name.startswith("valid"):
            write_text(path, text[:100], **options)
            raise OSError("disk full")
        return write_text(path, text, **options)

    monkeypatch.setattr(Path, "write_text", fail_at_valid)
    with pytest.raises(OSError, match="disk full"):
        write_corpus(train_path, valid_path, 50_000, seed=1)
    assert list(tmp_path.iterdir()) == [train_path]
    assert train_path.read_text() == "an older corpus"


@pytest.mark.parametrize("num_bytes", [0, -5])
def test_num_bytes_must_be_positive(num_bytes, tmp_path):
    with pytest.raises(ValueError, match=f"num_bytes must be at least 1, got {num_bytes}"):
        generate_stories(num_bytes, 0)
    with pytest.raises(ValueError, match="num_bytes must be at least 1"):
        write_corpus(tmp_path / "train", tmp_path / "valid", num_bytes, 0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 2.0, float("nan")])
def test_valid_fraction_must_be_a_share(fraction, tmp_path):
    with pytest.raises(ValueError, match="valid_fraction must be strictly between 0 and 1, got"):
        write_corpus(tmp_path / "train", tmp_path / "valid", 1000, 0, fraction)


def test_paths_must_differ(tmp_path):
    with pytest.raises(ValueError, match="train_path and valid_path must differ"):
        write_corpus(tmp_path / "same", tmp_path / "same", 1000, 0)


def test_too_small_a_corpus_is_refused(tmp_path):
    with pytest.raises(ValueError, match="num_bytes=1 is too small"):
        write_corpus(tmp_path / "train", tmp_path / "valid", 1, 0)
    assert list(tmp_path.iterdir()) == []
