"""A training step of the leaderboard model with 10 heads of 128 instead of 16 of 80."""

from benchmarks.gpu.request import Request, Rows
from benchmarks.gpu.training_rows import training_rows


def measure(request: Request) -> Rows:
    """Measure ours."""
    yield from training_rows(request, "leaderboard-10-heads", ("ours",))
