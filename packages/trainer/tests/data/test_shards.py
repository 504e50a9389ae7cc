"""The shards of a manifest: the same batches as from one file with the same ids, and what is refused."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from nn import ModelConfig
from trainer import DataConfig, DataError, get_batch, open_data
from trainer.data import fingerprint_data, open_shards, open_token_file, refuse_other_data, validation_batches

from ..conftest import VOCAB, write_shards, write_tokens

IDS = (np.arange(100) * 7 % VOCAB).tolist()
MODEL = ModelConfig(vocab_size=VOCAB, context_length=4, d_model=8, num_heads=2)


@settings(max_examples=25)  # each writes files
@given(
    cuts=st.lists(st.integers(0, 100), max_size=10),
    order=st.sampled_from(["random", "epoch"]),
    context_length=st.integers(1, 12),
    step=st.integers(1, 10_000),
    rows=st.tuples(st.integers(0, 3), st.integers(4, 6)),
)
def test_the_batches_are_those_of_one_file(tmp_path_factory, cuts, order, context_length, step, rows):
    folder = tmp_path_factory.mktemp("tokens")
    manifest, file = write_shards(folder / "shards", IDS, cuts), write_tokens(folder / "all.bin", IDS)
    model = dataclasses.replace(MODEL, context_length=context_length)
    sharded, single = (open_data(DataConfig(str(path), str(path), order=order), model) for path in (manifest, file))
    assert sharded.num_train_tokens == single.num_train_tokens
    options = {"seed": 3, "batch_size": 6, "context_length": context_length}
    found, expected = (data.batches(**options).rows(step, slice(*rows)) for data in (sharded, single))
    assert all(map(torch.equal, found, expected))
    found, expected = (list(validation_batches(data.valid, 3, context_length, "cpu")) for data in (sharded, single))
    for one, other in zip(found, expected, strict=True):
        assert all(map(torch.equal, one, other))
    found, expected = (
        get_batch(data.valid, 3, context_length, generator=np.random.default_rng(step)) for data in (sharded, single)
    )
    assert all(map(torch.equal, found, expected))


def test_a_manifest_among_other_files(tmp_path):
    manifest, file = write_shards(tmp_path / "shards", IDS, [50]), write_tokens(tmp_path / "more.bin", IDS)
    data = open_data(DataConfig((str(manifest), str(file)), str(file), train_weights=(1, 3)), MODEL)
    assert data.num_train_tokens == 200
    files, _ = data.batches(seed=0, batch_size=4000, context_length=4).places(1, np.arange(4000))
    assert 900 < np.count_nonzero(files == 0) < 1100


def test_what_the_manifest_states(tmp_path):
    opened = open_shards(write_shards(tmp_path / "shards", IDS, [10, 70]), VOCAB)
    assert (opened.tokenizer_sha256, opened.text_bytes, opened.bytes_per_token) == ("ab" * 32, 15, 0.15)
    assert [shard.count for shard in opened.shards] == [10, 60, 30]


def overwrite(path):
    path.write_bytes(b"\x01" * path.stat().st_size)


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.unlink(), r"1\.bin does not exist, but .*shards\.json lists it"),
        (
            lambda path: path.write_bytes(path.read_bytes()[:-2]),
            r"1\.bin has 78 bytes, but .* states 40 ids",
        ),
    ],
)
def test_shards_of_another_size_are_refused_by_name(tmp_path, spoil, message, verify):
    manifest = write_shards(tmp_path / "shards", IDS, [30, 70])
    spoil(manifest.parent / "1.bin")
    with pytest.raises(DataError, match=message):
        open_shards(manifest, VOCAB, verify=verify)


def test_changed_ids_are_found_unless_verification_is_not_wanted(tmp_path):
    manifest = write_shards(tmp_path / "shards", IDS, [30, 70])
    overwrite(manifest.parent / "1.bin")  # 0x0101, which is outside the vocabulary, too
    (manifest.parent / "2.bin").write_bytes(bytes(60))
    with pytest.raises(DataError, match=r"1\.bin has the id 257 at position 0"):
        open_shards(manifest, VOCAB)
    with pytest.raises(DataError, match=r"1\.bin has changed since .*shards\.json was written"):
        open_shards(manifest, 300)
    assert len(open_shards(manifest, VOCAB, verify=False).tokens) == 100
    with pytest.raises(DataError, match=r"1\.bin has the id 257"):
        open_data(DataConfig(str(manifest), str(manifest)), MODEL)
    open_data(DataConfig(str(manifest), str(manifest), verify_shards=False), MODEL)


def test_a_smaller_vocabulary_is_refused_without_reading(tmp_path):
    manifest = write_shards(tmp_path / "shards", IDS, [30], vocab_size=VOCAB + 1)
    with pytest.raises(DataError, match=r"a vocabulary of 32 entries, but the model's vocabulary has 31 entries"):
        open_shards(manifest, VOCAB, verify=False)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"version": 2}, "version 2 instead of 1"),
        ({"dtype": "f8"}, "f8"),
        ({"vocab_size": "31"}, "vocab_size"),
        ({"text_bytes": -1}, "text_bytes = -1"),
        ({"tokenizer_sha256": 3}, "tokenizer_sha256"),
        ({"shards": []}, "no ids"),
        ({"shards": [{"name": "../a.bin", "count": 3, "sha256": ""}]}, r"the name '\.\./a\.bin'"),
        ({"shards": [{"name": "/a.bin", "count": 3, "sha256": ""}]}, r"the name '/a\.bin'"),
        ({"shards": [{"name": 3, "count": 3, "sha256": ""}]}, "the name 3"),
        ({"shards": [{"name": "a.bin", "count": -3, "sha256": ""}]}, r"the shard a\.bin"),
        ({"shards": [{"name": "a.bin"}]}, "count"),
        ({"shards": 3}, "not iterable"),
    ],
)
def test_a_manifest_that_was_edited(tmp_path, changes, reason):
    path = write_shards(tmp_path / "shards", IDS, [30], **changes)
    with pytest.raises(DataError, match=rf"shards\.json is not a manifest of shards .*{reason}.*: write the manifest"):
        open_shards(path, VOCAB)


def test_what_is_not_a_manifest(tmp_path):
    file = write_tokens(tmp_path / "t.bin", IDS)
    with pytest.raises(DataError, match=r"t\.bin\.json is not a manifest .* or give a token file"):
        open_data(DataConfig(f"{file}.json", str(file)), MODEL)
    with pytest.raises(DataError, match=r"none\.json does not exist: give the manifest of shards, or a token file"):
        open_data(DataConfig(str(tmp_path / "none.json"), str(file)), MODEL)


def test_a_run_is_not_resumed_on_changed_shards(tmp_path):
    def fingerprint(cuts, ids=IDS):
        opened = open_shards(write_shards(tmp_path / "shards", ids, cuts), VOCAB)
        return fingerprint_data([opened], [opened])

    before = fingerprint([30, 70])
    assert before.train[0].method == "sha256 of the hashes of 3 shards"
    refuse_other_data(before, fingerprint([30, 70]))
    with pytest.raises(DataError, match="different ids"):
        refuse_other_data(before, fingerprint([30, 70], [*IDS[:-1], 0]))
    with pytest.raises(DataError, match="different ids"):  # the shards in another order
        refuse_other_data(fingerprint([50]), fingerprint([50], IDS[50:] + IDS[:50]))
    single = open_token_file(write_tokens(tmp_path / "all.bin", IDS), VOCAB)
    with pytest.raises(DataError, match="cannot be compared"):
        refuse_other_data(before, fingerprint_data([single], [single]))
