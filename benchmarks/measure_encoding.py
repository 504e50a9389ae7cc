"""Encoding a file: speed and memory of all libraries, whether their ids agree, and how ours scales."""

import itertools
from pathlib import Path

import numpy as np

import figures
import tokenizer_ours
from runs import Answer, WorkerError, interleave, run_worker
from settings import Row, Settings

_WARM_CALLS = 3
_CALLS = ("first", "cold", "warm")


def encode(settings: Settings) -> list[Row]:
    """Measure file -> array of ids: first, cold and warm calls, on one thread and on all."""
    able = settings.able(lambda library: library.encodes and not library.startup_only)
    rows: list[Row] = []
    for text in settings.texts:
        part_of = {library.name: settings.beginning(text, library.largest) for library in able}
        jobs = [("ours", part) for part in dict.fromkeys(part_of.values())]
        jobs += [(library.name, part_of[library.name]) for library in able if library.name != "ours"]
        verdicts = {job: _compare_ids(settings, *job) for job in jobs}
        sound = [job for job in jobs if "failed" not in verdicts[job]]
        cases = list(itertools.product(sound, (1, None)))
        requests = [
            {
                "task": "encode",
                "library": name,
                "threads": threads,
                "files": settings.files,
                "path": str(part),
                "warm_calls": _WARM_CALLS,
            }
            for (name, part), threads in cases
        ]
        answers = dict(zip(cases, interleave(requests, settings.repetitions, say=settings.say), strict=True))
        for job, threads in itertools.product(jobs, (1, None)):
            name, part = job
            size = part.stat().st_size
            row: Row = {"corpus": text.name, "bytes": size, "threads": threads or "all", "library": name}
            row |= verdicts[job]
            if (job, threads) in answers:
                row |= _encode_figures(size, answers[job, threads], answers[("ours", part), threads])
            rows.append(row)
    return rows


def _encode_figures(size: int, theirs: list[Answer], ours: list[Answer]) -> Row:
    return {
        "megabytes_per_second": {call: size / 1e6 / figures.median_of(theirs, call) for call in _CALLS},
        "ours_over_peer": {call: figures.median_ratio(theirs, ours, call) for call in _CALLS},
        "load_seconds": figures.median_of(theirs, "load"),
        "peak_bytes": figures.median_of(theirs, "peak"),
        "runs": theirs,
    }


def _compare_ids(settings: Settings, name: str, part: Path) -> Row:
    """Compare a library's ids of a file, on one thread and on all, with ours on one thread."""
    expected = _ids(settings, "ours", part, 1)
    verdict: Row = {"ids": "equal"}
    for threads in (1, None):
        settings.say(f"comparing the ids of {part.name}: {name}")
        try:
            ids = _ids(settings, name, part, threads)
        except WorkerError as error:
            if name == "ours":
                raise
            return {"failed": str(error)}
        if not np.array_equal(expected, ids):
            vocab = tokenizer_ours.Ours(settings.files, 1).vocab
            verdict = {"ids": "different", "difference": figures.describe_difference(expected, ids, vocab)}
    return verdict


def _ids(settings: Settings, name: str, part: Path, threads: int | None) -> "np.ndarray":
    path = settings.scratch / f"{name}-{threads}-{part.stem}.npy"
    if not path.exists():
        run_worker(
            {
                "task": "ids",
                "library": name,
                "threads": threads,
                "files": settings.files,
                "path": str(part),
                "ids_path": str(path),
            }
        )
    return np.load(path, mmap_mode="r")


def scaling(settings: Settings) -> list[Row]:
    """Measure `encode_file` on a tenth of each corpus and on all of it: seconds and memory."""
    rows = []
    for text in settings.texts:
        parts = [settings.beginning(text, text.stat().st_size // 10), text]
        requests = [
            {
                "task": "token_file",
                "library": "ours",
                "threads": None,
                "files": settings.files,
                "path": str(part),
                "token_path": str(settings.scratch / "tokens.bin"),
            }
            for part in parts
        ]
        answers = interleave(requests, settings.repetitions, say=settings.say)
        rows += [
            {
                "corpus": text.name,
                "bytes": part.stat().st_size,
                "seconds": figures.median_of(theirs, "seconds"),
                "seconds_over_smallest": figures.median_ratio(theirs, answers[0], "seconds"),
                "peak_bytes": figures.median_of(theirs, "peak"),
                "peak_bytes_before": figures.median_of(theirs, "peak_before"),
                "runs": theirs,
            }
            for part, theirs in zip(parts, answers, strict=True)
        ]
    return rows
