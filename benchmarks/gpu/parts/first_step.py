"""The first training step of a process, with an empty compile cache and with a warm one."""

from benchmarks.gpu.request import Request, Rows
from benchmarks.model.sections.first_steps import first_steps
from benchmarks.model.settings import Settings


def measure(request: Request) -> Rows:
    """Measure ours; the cache that it leaves serves the parts that follow."""
    settings = Settings((request.device,), (request.mode,), ("leaderboard",), 1, request.tiny, lambda _message: None)
    case = {"device": request.device, "shape": "leaderboard", "library": "ours", "mode": request.mode}
    measured = first_steps(settings, case, str(request.compile_cache))
    if "failed" in measured:
        yield {"case": "ours", "failed": measured["failed"]}
        return
    for cache in ("empty", "warm"):
        yield {"case": f"{cache} cache", **measured[cache]}
