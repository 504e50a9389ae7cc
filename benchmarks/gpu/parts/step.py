"""A training step of the leaderboard model: ours in turns with plain PyTorch."""

from benchmarks.gpu.request import Request, Rows
from benchmarks.gpu.training_rows import training_rows


def measure(request: Request) -> Rows:
    """Measure both, compiled, each with its own AdamW: ours, and torch's fused one."""
    yield from training_rows(request, "leaderboard", ("ours", "plain"))
