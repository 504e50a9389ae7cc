"""Training runs of the ladder, by the application that users run, each in a process with one thread."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common.workers import ROOT, WorkerError, failure, worker_environment
from benchmarks.leaderboard.changes import Options

_NEVER = "1000000000"
EQUAL_STEPS = {"schedule.by": "steps", "training.max_seconds": "null", "training.compile": "off"}
"""Runs are limited by a number of steps, which follows from the time of a step; compiling would count as time."""


@dataclass(frozen=True)
class Training:
    """How runs are trained: on which data, on which device, how many at once."""

    config: Path
    """The configuration that all of them start from."""
    train_tokens: Path
    valid_tokens: Path
    device: str
    folder: Path
    """Where runs are stored while they are needed."""
    parallel: int
    """Runs at once; on a CPU each has one thread."""

    def losses(self, options: Options, steps: int, seeds: Sequence[int]) -> list[float]:
        """Train once with each seed; return the losses on all validation tokens.

        Raises:
            WorkerError: a run has failed for another reason than that it diverged, whose loss is infinite.
        """
        with ThreadPoolExecutor(self.parallel) as pool:
            return list(pool.map(lambda seed: self._loss(options, steps, seed), seeds))

    def _loss(self, options: Options, steps: int, seed: int) -> float:
        run = self.folder / f"seed_{seed}"
        shutil.rmtree(run, ignore_errors=True)
        done = subprocess.run(  # noqa: S603 - our own application
            [sys.executable, str(ROOT / "apps" / "leaderboard.py"), *self._arguments(options, steps, seed, run)],
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            if (run / "diverged.json").exists():
                return float("inf")
            raise failure("leaderboard.py", done.stderr, done.returncode)
        losses = [entry["valid_loss"] for entry in _entries(run / "metrics.jsonl") if "valid_loss" in entry]
        shutil.rmtree(run)
        return float(losses[-1])

    def _arguments(self, options: Options, steps: int, seed: int, run: Path) -> list[str]:
        settings = {
            "config": str(self.config),
            "data.train_tokens": str(self.train_tokens),
            "data.valid_tokens": str(self.valid_tokens),
            "training.steps": str(steps),
            "training.eval_interval": _NEVER,  # only at the end,
            "training.eval_batches": "null",  # on all tokens
            "training.checkpoint_interval": _NEVER,
            "run.seed": str(seed),
            "run.device": self.device,
            "run.directory": str(run),
            **EQUAL_STEPS,
            **options,
        }
        return as_arguments(settings)

    def environment(self) -> dict[str, str]:
        """Return the environment of a run's process."""
        threads = {"OMP_NUM_THREADS": "1"} if self.device == "cpu" else {}
        packages = os.pathsep.join(str(path) for path in (ROOT / "apps", *sorted(ROOT.glob("packages/*/src"))))
        environment = worker_environment()
        environment["PYTHONPATH"] = os.pathsep.join([packages, environment["PYTHONPATH"]])
        return {**environment, **threads}

    def relative_step_time(self, options: Options) -> tuple[float, float]:
        """Return the time of a step relative to one of the unchanged configuration, and that one's time in seconds.

        The two are measured in turns, in one process.

        Raises:
            WorkerError: the measurement has failed.
        """
        request = {"config": str(self.config), "device": self.device, "options": options}
        done = subprocess.run(  # noqa: S603 - our own worker
            [sys.executable, "-m", "benchmarks.leaderboard.step_time", json.dumps(request)],
            env=self.environment(),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise failure("step_time", done.stderr, done.returncode)
        ratio, seconds = json.loads(done.stdout.splitlines()[-1])
        return ratio, seconds


def as_arguments(options: Options) -> list[str]:
    """Return options as a command line; a configuration file comes first, so that the other options apply to it."""
    first = {"config": options["config"]} if "config" in options else {}
    return [f"--{key}={value}" for key, value in (first | options).items()]


def encode_texts(config: Path, train_text: Path, valid_text: Path, folder: Path, show: Callable[[str], None]) -> None:
    """Train the tokenizer of the configuration and encode both texts, unless that has been done.

    Raises:
        WorkerError: the application has failed.
    """
    if (folder / "tokens" / "valid.bin.json").exists():
        return
    show("training the tokenizer and encoding the texts")
    shutil.rmtree(folder, ignore_errors=True)
    arguments = [f"--data.train_text={train_text}", f"--data.valid_text={valid_text}", f"--run.directory={folder}"]
    tiny = ["--training.steps=1", "--training.eval_batches=1", "--training.batch_size=1", "--run.device=cpu"]
    done = subprocess.run(  # noqa: S603 - our own application
        [sys.executable, str(ROOT / "apps" / "leaderboard.py"), "--config", str(config), *arguments, *tiny],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise failure("leaderboard.py", done.stderr, done.returncode)
    if not (folder / "tokens" / "valid.bin.json").exists():
        raise WorkerError(f"leaderboard.py: {folder / 'tokens'} was not written")


def _entries(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
