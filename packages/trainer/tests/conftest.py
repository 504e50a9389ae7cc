"""Tiny data and a tiny run."""

import hashlib
import json

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings

from nn import ModelConfig
from trainer import DataConfig, RunConfig, RunDirectory, ScheduleConfig, TrainConfig, TrainingConfig

settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # busy machines
settings.load_profile("default")

VOCAB = 31


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def write_tokens(path, ids, dtype="uint16"):
    np.asarray(ids, dtype=np.dtype(dtype).newbyteorder("<")).tofile(path)
    description = {"dtype": dtype, "count": len(ids), "vocab_size": VOCAB, "tokenizer_sha256": None}
    path.with_name(path.name + ".json").write_text(json.dumps(description))
    return path


def write_shards(folder, ids, cuts, **changes):
    """Write ids as shards, cut at these places, with their manifest."""
    folder.mkdir(exist_ok=True)
    entries = []
    for k, part in enumerate(np.split(np.array(ids), sorted(cuts))):
        path = write_tokens(folder / f"{k}.bin", part)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        entries.append({"name": path.name, "count": len(part), "text_bytes": 5, "sha256": digest})
    content = {
        "version": 1,
        "dtype": "uint16",
        "count": len(ids),
        "vocab_size": VOCAB,
        "tokenizer_sha256": "ab" * 32,
        "text_bytes": 5 * len(entries),
        "shards": entries,
    }
    path = folder / "shards.json"
    path.write_text(json.dumps(content | changes))
    return path


def make_token_files(folder):
    """Write text of a simple language, in which each id follows from the last, except for some noise."""
    rng = np.random.default_rng(0)
    files = []
    for name, size in (("train", 4000), ("valid", 500)):
        ids = [1]
        for noise in rng.random(size - 1):
            ids.append((ids[-1] * 3 + 1) % VOCAB if noise < 0.9 else int(rng.integers(VOCAB)))
        files.append(write_tokens(folder / f"{name}.bin", ids))
    return files


def make_config(folder, token_files):
    return TrainConfig(
        model=ModelConfig(vocab_size=VOCAB, context_length=8, d_model=16, num_layers=2, num_heads=2, d_ff=32),
        data=DataConfig(*map(str, token_files)),
        schedule=ScheduleConfig(max_lr=1e-2, warmup_fraction=0.1),
        training=TrainingConfig(
            steps=20, batch_size=4, log_interval=5, eval_interval=10, eval_batches=2, checkpoint_interval=10
        ),
        run=RunConfig(directory=str(folder / "run"), device="cpu"),
    )


@pytest.fixture
def token_files(tmp_path):
    return make_token_files(tmp_path)


@pytest.fixture
def config(tmp_path, token_files):
    return make_config(tmp_path, token_files)


@pytest.fixture
def run(tmp_path):
    (tmp_path / "run").mkdir()
    return RunDirectory(tmp_path / "run")


def sign(path, state):
    """Write the state.json of a checkpoint with valid hashes, as an attacker would."""
    body = {key: value for key, value in state.items() if key != "sha256"}
    for name in ("model.safetensors", "optimizer.safetensors"):
        content = (path / name).read_bytes()
        record = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        if isinstance(body.get("files"), dict) and isinstance(body["files"].get(name), dict):
            body["files"] = {**body["files"], name: record}
    digest = hashlib.sha256(json.dumps(body, separators=(",", ":")).encode()).hexdigest()
    (path / "state.json").write_text(json.dumps({**body, "sha256": digest}))


@pytest.fixture(scope="session")
def rewrite():
    """A function that changes the state.json of a checkpoint and updates the hashes."""

    def change_and_sign(path, change=lambda state: None):
        state = json.loads((path / "state.json").read_text())
        change(state)
        sign(path, state)

    return change_and_sign
