"""Interleaved runs, each in a fresh process, and what is told about the machine that they ran on.

On a machine that is shared or that changes its clock, two runs one after the other differ; so each repetition runs
all in turn (every other one backwards), and what is compared is what ran within one repetition.
"""

import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Request = Mapping[str, Any]
Answer = dict[str, Any]


class WorkerError(RuntimeError):
    """A worker process that did not come to an answer."""


def run_worker(
    request: Request, script: str = "tokenizer_worker.py", environment: Mapping[str, str] | None = None
) -> Answer:
    """Carry out a request in a fresh process.

    Args:
        request: with at least "task" and "library".
        script: the worker, a file next to this one: a request (JSON) as its argument, the answer as its last line.
        environment: variables that are set for it.

    Raises:
        WorkerError: the process failed; the last line that it said is the message.
    """
    full = {**request, "started": time.monotonic()}  # the same clock for all processes of a machine
    done = subprocess.run(  # noqa: S603 - our own worker
        [sys.executable, str(Path(__file__).with_name(script)), json.dumps(full)],
        env=_environment(request.get("threads")) | dict(environment or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise WorkerError(f"{request['library']}: {said[-1]}")
    answer: Answer = json.loads(done.stdout.splitlines()[-1])
    return answer


def time_command(arguments: Sequence[str]) -> float:
    """Return the seconds that Python takes from its start to its end with these arguments."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True)  # noqa: S603 - our own command
    return time.perf_counter() - start


def _environment(threads: int | None) -> dict[str, str]:
    """Tell libraries that take their number of threads from the environment; None means all."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"RAYON_NUM_THREADS", "TOKENIZERS_PARALLELISM", "NUMBA_NUM_THREADS"}
    }
    environment["TIKTOKEN_CACHE_DIR"] = ""  # read the vocabulary file itself, no copy of it
    environment["TOKENIZERS_PARALLELISM"] = "false" if threads == 1 else "true"
    if threads is not None:
        environment["RAYON_NUM_THREADS"] = str(threads)
    return environment


def interleave(
    requests: Sequence[Request],
    repetitions: int,
    run: Callable[[Request], Answer] = run_worker,
    say: Callable[[str], None] = lambda _message: None,
) -> list[list[Answer]]:
    """Run all requests in turn, again and again; give the answers of each request in the order of the repetitions."""
    answers: list[list[Answer]] = [[] for _ in requests]
    for repetition in range(repetitions):
        turns = list(enumerate(requests))
        for place, request in turns if repetition % 2 == 0 else reversed(turns):
            say(f"repetition {repetition + 1} of {repetitions}: {request['task']} {request['library']}")
            answers[place].append(run(request))
    return answers


def machine() -> dict[str, Any]:
    """Describe the machine: processor, cores that we may use, memory in bytes, system."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": _first_value("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "cores": cores,
        "memory_bytes": int((_first_value("/proc/meminfo", "MemTotal") or "0 kB").split()[0]) * 1024,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def _first_value(path: str, name: str) -> str | None:
    try:
        lines = Path(path).read_text("utf-8").splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), None)


def installed_version(distribution: str) -> str | None:
    """Return the version of a distribution, or None where it is not installed."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
