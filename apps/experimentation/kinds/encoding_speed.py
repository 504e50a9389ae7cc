"""Encoding speed: from a text file to an array of ids, with one thread and with all of them.

What happens only once is not measured: before, the kernels and the tables of the vocabulary are loaded. Each repetition
has a tokenizer of its own, whose cache of words is empty, since one that has encoded the same file before is several
times faster. One thread and all threads are measured in turns, and the median is reported.

The rate of a short text is below that of a long one, in which words recur more often.

`values`: `megabytes_per_second` and `hours_for_825_gb` with all threads, `megabytes_per_second_1_thread`,
`hours_for_825_gb_1_thread`. The Pile has 825 GB.

`rows`: one for one thread, and one for all if there are more: `corpus`, `threads`, `vocab_size`, `bytes`, `seconds`
(the median), `megabytes_per_second`, `hours_for_825_gb`.
"""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal

from bpe import Tokenizer
from experimentation.corpus_text import CorpusChoice, texts_by_name
from experimentation.kind_settings import read_settings
from experimentation.workspace import Outcome, Workspace
from preparation import Throughput


@dataclass(frozen=True)
class Settings:
    """What to encode, and how often."""

    corpus: CorpusChoice = "stories"
    part: Literal["train", "valid"] = "train"
    """Which text of the corpus."""
    repetitions: int = 5
    kernels: bool = True
    """Load the compiled kernels before; false: they are used only if the text is large enough for them to pay."""

    def __post_init__(self) -> None:
        """Check the number."""
        if self.repetitions < 1:
            raise ValueError(f"repetitions is {self.repetitions}: give at least 1")


def run(settings: Mapping[str, Any], seed: int, workspace: Workspace) -> Outcome:
    """Measure the speed.

    Raises:
        ValueError: a setting is unknown or out of range, or the text cannot be used.
        OSError: a file cannot be read.
    """
    del seed  # nothing is drawn
    given = read_settings(Settings, settings)
    text = texts_by_name(workspace)[given.corpus]
    path = text.train_text if given.part == "train" else text.valid_text
    thread_counts = sorted({1, usable_cores()})
    measured = measure(path, text.tokenizer, thread_counts, given)
    vocab_size = Tokenizer.load(text.tokenizer).vocab_size
    rows = [_row(text.name, vocab_size, threads, measured[threads]) for threads in thread_counts]
    names = ("megabytes_per_second", "hours_for_825_gb")
    return Outcome(
        values={
            **{name: rows[-1][name] for name in names},
            **{f"{name}_1_thread": rows[0][name] for name in names},
        },
        rows=tuple(rows),
    )


def measure(path: Path, tokenizer: Path, thread_counts: Sequence[int], settings: Settings) -> dict[int, Throughput]:
    """Encode a text repeatedly.

    Args:
        path: the text.
        tokenizer: the `tokenizer.json` to encode it with.
        thread_counts: numbers of threads, which take turns.
        settings: how often, and whether the kernels are loaded before.

    Returns:
        The throughput for each number of threads, of the median time.
    """
    seconds: dict[int, list[float]] = {threads: [] for threads in thread_counts}
    for _ in range(settings.repetitions):
        for threads in thread_counts:
            fresh = Tokenizer.load(tokenizer)
            if settings.kernels:
                fresh.load_kernels(threads)
            started = time.perf_counter()
            fresh.encode_file_to_numpy(path, num_threads=threads)
            seconds[threads].append(time.perf_counter() - started)
    num_bytes = path.stat().st_size
    return {threads: Throughput(num_bytes, median(times)) for threads, times in seconds.items()}


def usable_cores() -> int:
    """Return how many processor cores this process may use, which is how many threads encode by default."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _row(corpus: str, vocab_size: int, threads: int, speed: Throughput) -> dict[str, Any]:
    return {
        "corpus": corpus,
        "threads": threads,
        "vocab_size": vocab_size,
        "bytes": speed.num_bytes,
        "seconds": speed.seconds,
        "megabytes_per_second": speed.megabytes_per_second,
        "hours_for_825_gb": speed.hours_for_825_gb,
    }
