"""One measurement in a fresh process, and measurements that are to be compared, interleaved.

On a machine that is shared, or whose clock speed changes, two runs in succession differ. So each repetition runs all
cases once, and only measurements of the same repetition are compared with each other.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.common.rounds import in_rounds

ROOT = Path(__file__).resolve().parents[2]
"""The root of the repository, from which `benchmarks` is imported."""
Request = Mapping[str, Any]
"""What a worker is asked to measure, sent to it as JSON."""
Answer = dict[str, Any]
"""What a worker measured, received from it as JSON."""
_THREAD_VARIABLES = ("RAYON_NUM_THREADS", "TOKENIZERS_PARALLELISM", "NUMBA_NUM_THREADS")


class WorkerError(RuntimeError):
    """A worker process failed, or its results are not those of the code that it is compared with."""


def worker_command(module: str, request: Request) -> list[str]:
    """Return the command that starts a worker: a module that takes a request (JSON) as its only argument."""
    return [sys.executable, "-m", module, json.dumps(dict(request))]


def worker_environment() -> dict[str, str]:
    """Return the environment of a worker, which can import `benchmarks` from any working directory."""
    search_path = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(search_path)}


def failure(name: str, errors: str, exit_code: int) -> WorkerError:
    """Return the error for a worker that failed: the last line it wrote to standard error, or its exit code."""
    lines = errors.strip().splitlines() or [f"exit code {exit_code}"]
    return WorkerError(f"{name}: {lines[-1]}")


def run_worker(request: Request, module: str) -> Answer:
    """Measure one request in a fresh process.

    Args:
        request: at least "task" and "library", and "threads" if the library's threads are limited.
        module: the worker; its last line on standard output is the answer (JSON).

    Raises:
        WorkerError: the process failed.
    """
    started = {**request, "started": time.monotonic()}  # one clock for all processes of a machine
    done = subprocess.run(  # noqa: S603 - our own worker
        worker_command(module, started),
        env=_environment_with_threads(request.get("threads")),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise failure(request["library"], done.stderr, done.returncode)
    answer: Answer = json.loads(done.stdout.splitlines()[-1])
    return answer


def _environment_with_threads(threads: int | None) -> dict[str, str]:
    """Limit the threads of libraries that read the limit from the environment; None means all threads."""
    environment = {name: value for name, value in worker_environment().items() if name not in _THREAD_VARIABLES}
    environment["TIKTOKEN_CACHE_DIR"] = ""  # read the vocabulary file itself, not a cached copy of it
    environment["TOKENIZERS_PARALLELISM"] = "false" if threads == 1 else "true"
    if threads is not None:
        environment["RAYON_NUM_THREADS"] = str(threads)
    return environment


def time_python(arguments: Sequence[str]) -> float:
    """Return the seconds that a Python process takes from its start to its end."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True)  # noqa: S603 - our own command
    return time.perf_counter() - start


def interleave(
    requests: Sequence[Request],
    repetitions: int,
    run: Callable[[Request], Answer],
    show: Callable[[str], None] = lambda _message: None,
) -> list[list[Answer]]:
    """Run all requests once in every repetition.

    Args:
        requests: at least "task" and "library" each.
        repetitions: how often each request is run.
        run: measures one request.
        show: receives progress messages.

    Returns:
        For each request its answers, in the order of the repetitions.
    """
    answers: list[list[Answer]] = [[] for _ in requests]
    for repetition, (place, request) in in_rounds(list(enumerate(requests)), repetitions):
        show(f"repetition {repetition + 1} of {repetitions}: {request['task']} {request['library']}")
        answers[place].append(run(request))
    return answers
