"""Encoding a file: speed and memory of all libraries, and whether their ids agree."""

import itertools
from pathlib import Path

import numpy as np

from benchmarks.common.medians import median_of, median_ratio
from benchmarks.common.workers import Answer, WorkerError
from benchmarks.tokenizer.adapters.ours import Ours
from benchmarks.tokenizer.id_comparison import describe_difference
from benchmarks.tokenizer.settings import Row, Settings

_WARM_CALLS = 3
_CALLS = ("first", "cold", "warm")


def encode(settings: Settings) -> list[Row]:
    """Measure file -> array of ids: first, cold and warm calls, on one thread and on all."""
    return [row for text in settings.texts for row in _encode_text(settings, text)]


def _encode_text(settings: Settings, text: Path) -> list[Row]:
    """Measure all libraries on one corpus; a slow library gets its beginning, which ours is measured on too."""
    able = settings.able(lambda library: library.encodes and not library.startup_only)
    file_of = {library.name: settings.head_of(text, library.largest) for library in able}
    jobs = [("ours", file) for file in dict.fromkeys(file_of.values())]
    jobs += [(library.name, file_of[library.name]) for library in able if library.name != "ours"]
    verdicts = {job: _compare_ids(settings, *job) for job in jobs}
    cases = list(itertools.product([job for job in jobs if "failed" not in verdicts[job]], (1, None)))
    requests = [
        {
            "task": "encode",
            "library": name,
            "threads": threads,
            "files": settings.files,
            "path": str(file),
            "warm_calls": _WARM_CALLS,
        }
        for (name, file), threads in cases
    ]
    answers = dict(zip(cases, settings.interleave(requests), strict=True))
    rows: list[Row] = []
    for job, threads in itertools.product(jobs, (1, None)):
        name, file = job
        size = file.stat().st_size
        row: Row = {"corpus": text.name, "bytes": size, "threads": threads or "all", "library": name, **verdicts[job]}
        if (job, threads) in answers:
            row |= _quantities(size, answers[job, threads], answers[("ours", file), threads])
        rows.append(row)
    return rows


def _quantities(size: int, theirs: list[Answer], ours: list[Answer]) -> Row:
    return {
        "megabytes_per_second": {call: size / 1e6 / median_of(theirs, call) for call in _CALLS},
        "ours_over_peer": {call: median_ratio(theirs, ours, call) for call in _CALLS},
        "load_seconds": median_of(theirs, "load"),
        "peak_bytes": median_of(theirs, "peak"),
        "runs": theirs,
    }


def _compare_ids(settings: Settings, name: str, file: Path) -> Row:
    """Compare a library's ids of a file, on one thread and on all, with ours on one thread."""
    expected = _ids(settings, "ours", file, 1)
    verdict: Row = {"ids": "equal"}
    for threads in (1, None):
        settings.show(f"comparing the ids of {file.name}: {name}")
        try:
            ids = _ids(settings, name, file, threads)
        except WorkerError as error:
            if name == "ours":
                raise
            return {"failed": str(error)}
        if not np.array_equal(expected, ids):
            vocab = Ours(settings.files, 1).vocab
            verdict = {"ids": "different", "difference": describe_difference(expected, ids, vocab)}
    return verdict


def _ids(settings: Settings, name: str, file: Path, threads: int | None) -> "np.ndarray":
    """Return a library's ids of a file, which are computed once and kept in the scratch folder."""
    path = settings.scratch / f"{name}-{threads}-{file.stem}.npy"
    if not path.exists():
        request = {
            "task": "ids",
            "library": name,
            "threads": threads,
            "files": settings.files,
            "path": str(file),
            "ids_path": str(path),
        }
        settings.run(request)
    return np.load(path, mmap_mode="r")
