"""Fresh processes, everything included: from which size of file on, and by how much, which library is faster."""

import itertools
from collections.abc import Sequence

import figures
from runs import Answer, Request, interleave, run_worker, time_command
from settings import Row, Settings


def startup(settings: Settings, sizes: Sequence[int]) -> Row:
    """Measure fresh processes, everything included: a file's ids by its size, and the steps up to the first short text.

    Returns:
        `{"files": rows, "steps": rows}`; sizes beyond a corpus's or a slow library's are left out.
    """
    able = settings.able(lambda library: library.encodes)
    rows: list[Row] = []
    for text, size in itertools.product(settings.texts, sorted(sizes)):
        if size > text.stat().st_size:
            continue
        part = settings.beginning(text, size)
        runners = [library.name for library in able if library.largest is None or size <= library.largest]
        requests = [
            {"task": "startup", "library": name, "threads": None, "files": settings.files, "path": str(part)}
            for name in runners
        ]
        answers = interleave(requests, settings.repetitions, say=settings.say)
        rows += [
            {
                "corpus": text.name,
                "bytes": size,
                "library": name,
                "seconds": figures.median_of(theirs, "seconds"),
                "ours_over_peer": figures.median_ratio(theirs, answers[0], "seconds"),
                "peak_bytes": figures.median_of(theirs, "peak"),
                "runs": theirs,
            }
            for name, theirs in zip(runners, answers, strict=True)
        ]
    return {"files": rows, "steps": _steps(settings, [library.name for library in able if not library.startup_only])}


def _steps(settings: Settings, names: Sequence[str]) -> list[Row]:
    """Measure `python -c pass`, `import bpe`, and each library's way from its start to the ids of a short text."""

    def run(request: Request) -> Answer:
        return {"seconds": time_command(request["command"])} if "command" in request else run_worker(request)

    requests: list[Row] = [
        {"task": "python -c pass", "library": "python", "command": ["-c", "pass"]},
        {"task": "import bpe", "library": "ours", "command": ["-c", "import bpe"]},
    ]
    requests += [{"task": "short", "library": name, "threads": None, "files": settings.files} for name in names]
    answers = interleave(requests, settings.repetitions, run, settings.say)
    bare = figures.median_of(answers[0], "seconds")
    return [
        {
            "step": "GPT-2's files to the first short text" if request["task"] == "short" else request["task"],
            "library": request["library"],
            "seconds": figures.median_of(theirs, "seconds"),
            "seconds_above_python": figures.median_of(theirs, "seconds") - bare,
            "runs": theirs,
        }
        for request, theirs in zip(requests, answers, strict=True)
    ]
