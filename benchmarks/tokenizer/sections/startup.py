"""Fresh processes, including start-up: which library is faster at which size of file, and by how much."""

import itertools
from collections.abc import Sequence

from benchmarks.common.medians import median_of, median_ratio
from benchmarks.common.workers import Answer, Request, interleave, time_python
from benchmarks.tokenizer.settings import Row, Settings


def startup(settings: Settings, sizes: Sequence[int]) -> Row:
    """Measure fresh processes from their start to the ids of a file, by its size, and to those of a short text.

    Returns:
        `{"files": rows, "steps": rows}`; sizes larger than a corpus, or than a slow library encodes, are skipped.
    """
    able = settings.able(lambda library: library.encodes)
    rows: list[Row] = []
    for text, size in itertools.product(settings.texts, sorted(sizes)):
        if size > text.stat().st_size:
            continue
        file = settings.head_of(text, size)
        names = [library.name for library in able if library.largest is None or size <= library.largest]
        requests = [
            {"task": "startup", "library": name, "threads": None, "files": settings.files, "path": str(file)}
            for name in names
        ]
        answers = settings.interleave(requests)
        rows += [
            {
                "corpus": text.name,
                "bytes": size,
                "library": name,
                "seconds": median_of(theirs, "seconds"),
                "ours_over_peer": median_ratio(theirs, answers[0], "seconds"),
                "peak_bytes": median_of(theirs, "peak"),
                "runs": theirs,
            }
            for name, theirs in zip(names, answers, strict=True)
        ]
    return {"files": rows, "steps": _steps(settings, [library.name for library in able if not library.startup_only])}


def _steps(settings: Settings, names: Sequence[str]) -> list[Row]:
    """Measure `python -c pass`, `import bpe`, and each library from the start of a process to a first short text."""

    def run(request: Request) -> Answer:
        return {"seconds": time_python(request["arguments"])} if "arguments" in request else settings.run(request)

    requests: list[Row] = [
        {"task": "python -c pass", "library": "python", "arguments": ["-c", "pass"]},
        {"task": "import bpe", "library": "ours", "arguments": ["-c", "import bpe"]},
    ]
    requests += [{"task": "short", "library": name, "threads": None, "files": settings.files} for name in names]
    answers = interleave(requests, settings.repetitions, run, settings.show)
    bare_python = median_of(answers[0], "seconds")
    return [
        {
            "step": "GPT-2's files to the first short text" if request["task"] == "short" else request["task"],
            "library": request["library"],
            "seconds": median_of(theirs, "seconds"),
            "seconds_above_python": median_of(theirs, "seconds") - bare_python,
            "runs": theirs,
        }
        for request, theirs in zip(requests, answers, strict=True)
    ]
