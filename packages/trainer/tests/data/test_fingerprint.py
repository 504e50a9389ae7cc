import dataclasses
import hashlib
import json

import numpy as np
import pytest
from hypothesis import given, strategies as st

from trainer import DataError
from trainer.data.fingerprint import (
    DataFingerprint,
    FileFingerprint,
    difference,
    fingerprint_data,
    fingerprint_file,
    load_fingerprint,
    refuse_other_data,
    save_fingerprint,
)
from trainer.data.token_files import open_token_file

from ..conftest import VOCAB, write_tokens


@pytest.fixture
def files(tmp_path):
    paths = [write_tokens(tmp_path / f"{k}.bin", list(range(10 + k))) for k in range(3)]
    return [open_token_file(path, VOCAB) for path in paths]


@pytest.fixture
def fingerprint(files):
    return fingerprint_data(files[:2], files[2:])


def changed(fingerprint, part, place, **changes):
    entries = list(getattr(fingerprint, part))
    entries[place] = dataclasses.replace(entries[place], **changes)
    return dataclasses.replace(fingerprint, **{part: tuple(entries)})


def test_the_fingerprint_of_a_file(files):
    file = fingerprint_file(files[0])
    content = files[0].path.read_bytes()
    assert file == FileFingerprint(
        str(files[0].path), "uint16", 10, "sha256", hashlib.sha256(content).hexdigest(), None
    )


def test_a_large_file_is_sampled(tmp_path, monkeypatch):
    monkeypatch.setattr("trainer.data.fingerprint._BLOCK_BYTES", 16)
    path = tmp_path / "t.bin"

    def sampled(ids):
        return fingerprint_file(open_token_file(write_tokens(path, ids), VOCAB), whole_up_to=1000)

    ids = np.arange(40_000) % VOCAB
    before = sampled(ids)
    assert before.method == "sha256 of 1024 blocks"
    assert before.digest != fingerprint_file(open_token_file(path, VOCAB)).digest
    assert before == sampled(ids)
    for change in (ids[::-1], ids[:-1], np.append(ids[1:], 0), np.append(ids[:-1], 0), np.append(5, ids[1:])):
        assert sampled(change).digest != before.digest


def test_blocks_are_not_longer_than_the_file(tmp_path):
    file = open_token_file(write_tokens(tmp_path / "t.bin", [1, 2, 3]), VOCAB)
    expected = hashlib.sha256((6).to_bytes(8, "little") + file.path.read_bytes() * 1024).hexdigest()
    assert fingerprint_file(file, whole_up_to=0).digest == expected


def test_a_fingerprint_is_saved_and_loaded(fingerprint, tmp_path):
    save_fingerprint(fingerprint, tmp_path / "data.json")
    assert load_fingerprint(tmp_path / "data.json") == fingerprint
    assert not list(tmp_path.glob("*.tmp"))
    refuse_other_data(fingerprint, load_fingerprint(tmp_path / "data.json"))


def test_files_may_be_moved(fingerprint):
    assert difference(fingerprint, changed(fingerprint, "train", 0, path="elsewhere/train.bin")) == []


@pytest.mark.parametrize(
    ("part", "changes", "sentence"),
    [
        (
            "train",
            {"digest": "f" * 64},
            r"train file 1 of 2, \S+0\.bin: different ids \(sha256 \w{8}… before, ffffffff… now\)",
        ),
        ("train", {"count": 1234, "digest": "f"}, r"train file 1 of 2, \S+0\.bin: 10 ids before, 1,234 now"),
        ("valid", {"dtype": "uint32", "path": "x"}, r"valid, x \(before: \S+2\.bin\): uint16 before, uint32 now"),
        ("valid", {"method": "guess"}, r"valid, \S+: cannot be compared \(sha256 before, guess now\)"),
    ],
)
def test_differences_are_described(fingerprint, part, changes, sentence):
    new = changed(fingerprint, part, 0, **changes)
    with pytest.raises(DataError, match=f"^the run was started on different data: {sentence}. Use the data"):
        refuse_other_data(fingerprint, new)


def test_a_different_tokenizer_is_reported_if_both_are_known(fingerprint):
    one = changed(fingerprint, "valid", 0, tokenizer_sha256="a" * 64)
    other = changed(fingerprint, "valid", 0, tokenizer_sha256="b" * 64)
    assert difference(fingerprint, one) == difference(one, fingerprint) == []
    (sentence,) = difference(one, other)
    assert sentence.endswith("2.bin: a different tokenizer (aaaaaaaa…, bbbbbbbb…)")


def test_the_number_and_the_order_of_files_matter(fingerprint):
    fewer = dataclasses.replace(fingerprint, train=fingerprint.train[:1])
    (sentence,) = difference(fingerprint, fewer)
    assert sentence.startswith("train: 2 files before, 1 now")
    assert len(difference(fingerprint, dataclasses.replace(fingerprint, train=fingerprint.train[::-1]))) == 2


FILES = st.builds(
    FileFingerprint,
    st.text(),
    st.sampled_from(["uint16", "uint32"]),
    st.integers(1, 3),
    st.just("sha256"),
    st.sampled_from(["aa", "bb"]),
    st.none(),
)
FINGERPRINTS = st.builds(DataFingerprint, *[st.lists(FILES, max_size=2).map(tuple)] * 2)


@given(one=FINGERPRINTS, other=FINGERPRINTS)
def test_there_is_no_difference_exactly_if_everything_but_the_paths_is_equal(one, other):
    def identity(fingerprint):
        return [
            [dataclasses.replace(file, path="") for file in files] for files in (fingerprint.train, fingerprint.valid)
        ]

    assert (difference(one, other) == []) == (identity(one) == identity(other))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"train": 3, "valid": []}', "[" * 100_000, b"\xff"])
def test_a_damaged_fingerprint_is_refused(tmp_path, content):
    (tmp_path / "data.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=r"data\.json is damaged, so it is not known what the run was trained on"):
        load_fingerprint(tmp_path / "data.json")


@pytest.mark.parametrize("changes", [{"count": "3"}, {"count": True}, {"digest": 3}, {"path": None}, {"more": 1}])
def test_a_fingerprint_with_wrong_fields_is_refused(fingerprint, tmp_path, changes):
    content = dataclasses.asdict(fingerprint)
    content["train"][0].update(changes)
    (tmp_path / "data.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"data\.json is damaged"):
        load_fingerprint(tmp_path / "data.json")


def test_a_missing_fingerprint_is_named(tmp_path):
    with pytest.raises(DataError, match=r"data\.json does not exist, so it is not known what the run was trained on"):
        load_fingerprint(tmp_path / "data.json")
