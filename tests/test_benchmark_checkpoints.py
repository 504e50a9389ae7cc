"""The benchmark of checkpoints: one tiny run."""

import sys
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))  # scripts in benchmarks/ find each other this way

import checkpoints as benchmark  # noqa: E402

TINY = ["--model.vocab_size=11", "--model.d_model=8", "--model.num_layers=1", "--model.num_heads=2", "--model.d_ff=8"]


def test_a_tiny_run(tmp_path, capsys):
    assert benchmark.main([f"--folder={tmp_path}", "--repeats=1", *TINY]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines[1:]] == [
        "foreground, the first",
        "background, the first",
        "foreground",
        "background",
    ]
    assert list(tmp_path.iterdir()) == []


def test_costs_add_up(tmp_path):
    model = benchmark.ModelConfig(vocab_size=11, context_length=4, d_model=8, num_layers=1, num_heads=2, d_ff=8)
    for cost in benchmark.measure(benchmark.CheckpointBenchmark(str(tmp_path), 1, model)):
        assert cost.nbytes > 3 * 4 * 11 * 8
        assert 0 < cost.stall_seconds <= cost.seconds
        assert cost.way.startswith("background") or cost.stall_seconds == cost.seconds


def test_mistakes_are_one_line(tmp_path, capsys):
    assert benchmark.main(["--repeats=0"]) == 2
    assert benchmark.main([f"--folder={tmp_path / 'missing'}", "--repeats=1", *TINY]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in errors] == ["error", "error"]
