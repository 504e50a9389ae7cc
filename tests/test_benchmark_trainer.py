"""The benchmark of the trainer: one tiny run."""

import json
import sys

from .conftest import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))

import trainer_costs as benchmark

TINY = ["--model.vocab_size=50", "--model.d_model=16", "--model.num_layers=1", "--model.num_heads=2"]
TINY += ["--model.context_length=16", "--steps=4", "--batch_size=2", "--batches=5"]


def test_a_tiny_run(tmp_path, capsys):
    file = tmp_path / "figures.json"
    assert benchmark.main([*TINY, f"--json={file}"]) == 0
    figures = json.loads(file.read_text())
    assert 0 < figures["around_seconds"] < figures["step_seconds"]
    assert figures["around_share"] == figures["around_seconds"] / figures["step_seconds"]
    assert figures["loader_tokens_per_second"] > 0 < figures["epoch_tokens_per_second"]
    assert "are not gradients and update" in capsys.readouterr().out


def test_nonsense_is_one_line(capsys):
    assert benchmark.main(["--steps=1"]) == 2
    assert capsys.readouterr().err.startswith("error: steps is 1: it must be at least 3")
