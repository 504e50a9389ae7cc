"""Runs the parts one after the other, each in a process of its own, within its time limit and the time that is left."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from benchmarks.common.workers import ROOT
from benchmarks.gpu.parts import PARTS
from benchmarks.gpu.request import Request

Result = dict[str, Any]
"""Of a part: its "rows", the "seconds" that it took, and "ended": how it ended, "done" if nothing is missing."""
LEAST_SECONDS = 15.0
"""A part is not started if less time is left."""


def run_parts(
    names: Sequence[str], request: Request, seconds: float, receive: Callable[[str, Result], None]
) -> dict[str, Result]:
    """Run parts in the given order.

    While one part measures, the process of the next one already imports its libraries.

    Args:
        names: of the parts.
        request: what they are asked; `part` is replaced.
        seconds: time for all of them.
        receive: gets each result as soon as the part has ended.
    """
    end = time.monotonic() + seconds
    results: dict[str, Result] = {}
    following: _Process | None = None
    try:
        for name, next_name in zip(names, [*names[1:], None], strict=True):
            process = following or _Process(replace(request, part=name))
            following = None
            left = end - time.monotonic()
            if left < min(LEAST_SECONDS, seconds):
                process.stop()
                results[name] = {"rows": [], "seconds": 0.0, "ended": "not measured: no time was left"}
            else:
                process.start()
                if next_name is not None:
                    following = _Process(replace(request, part=next_name))
                results[name] = process.wait(min(PARTS[name].seconds, left))
            receive(name, results[name])
    finally:
        if following is not None:
            following.stop()
    return results


class _Process:
    """The process of one part: it imports its libraries at once and measures when it is started."""

    def __init__(self, request: Request) -> None:
        log = request.path / "logs"
        log.mkdir(parents=True, exist_ok=True)
        self._rows, self._errors = log / f"{request.part}.jsonl", log / f"{request.part}.txt"
        with self._rows.open("wb") as rows, self._errors.open("wb") as errors:
            self._process = subprocess.Popen(  # noqa: S603 - our own worker
                [sys.executable, "-m", "benchmarks.gpu.worker", request.to_json()],
                env=environment(request),
                stdin=subprocess.PIPE,
                stdout=rows,
                stderr=errors,
                start_new_session=True,  # so that it is stopped together with the processes that it has started
            )
        self._started = time.monotonic()

    def start(self) -> None:
        """Let it measure."""
        self._started = time.monotonic()
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended: waiting for it reports why
            self._process.stdin.write(b"start\n")
            self._process.stdin.flush()

    def wait(self, seconds: float) -> Result:
        """Return its result, at the latest after some seconds."""
        try:
            code = self._process.wait(seconds)
            ended = "done" if code == 0 else f"failed: {self._last_error(code)}"
        except subprocess.TimeoutExpired:
            ended = f"stopped after {seconds:.0f} s"
        finally:
            self.stop()
        rows = [json.loads(line) for line in self._rows.read_text("utf-8").splitlines() if line.endswith("}")]
        reasons = [row["not_measured"] for row in rows if "not_measured" in row]
        return {
            "rows": [row for row in rows if "case" in row],
            "seconds": round(time.monotonic() - self._started, 1),
            "ended": f"not measured: {reasons[0]}" if reasons else ended,
        }

    def stop(self) -> None:
        """End it, and all processes that it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()

    def _last_error(self, code: int) -> str:
        lines = self._errors.read_text("utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else f"exit code {code}"


def environment(request: Request) -> dict[str, str]:
    """Return the environment of a part: it finds all packages in their source, and its compile cache in the folder."""
    places = [ROOT, ROOT / "apps", *sorted(ROOT.glob("packages/*/src"))]
    paths = [*map(str, places), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "TORCHINDUCTOR_CACHE_DIR": str(request.compile_cache / "torchinductor"),
        "TRITON_CACHE_DIR": str(request.compile_cache / "triton"),
        **({"OMP_NUM_THREADS": "1"} if request.device == "cpu" else {}),  # so many small operations
    }
