"""A training step of the leaderboard model with 10 heads: ours in turns with a model like nanochat's."""

from benchmarks.gpu.request import Request, Rows
from benchmarks.gpu.training_rows import training_rows


def measure(request: Request) -> Rows:
    """Measure both; the other model is another one, of equal arithmetic."""
    yield from training_rows(request, "leaderboard-10-heads", ("ours", "nanochat-style"))
