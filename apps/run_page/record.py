"""What a run's folder contains, read without torch.

A page is wanted most of all for a run that did not end well, so whatever is missing or damaged is left empty here: only
the configuration must be readable.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sample_file import Samples, read_samples, samples_path
from text_config import TextRunConfig, read_run_config
from trainer import RunDirectory, read_metrics

_LOG_LINES = 300


@dataclass(frozen=True)
class RunRecord:
    """A run, as far as its folder describes it."""

    name: str
    config: TextRunConfig
    metrics: tuple[Mapping[str, Any], ...]
    """The entries of metrics.jsonl."""
    samples: tuple[Samples, ...]
    """What the model wrote, by step."""
    sessions: tuple[Mapping[str, Any], ...]
    """The entries of environment.json, one for each time the run was started or resumed."""
    data: Mapping[str, Any]
    """The fingerprints in data.json."""
    log: str
    """The end of log.txt."""
    skipped: tuple[int, ...]
    """If the run diverged: the steps whose loss or gradient was not finite."""
    problem: str | None
    """Why the run ended, if it did not end well and the reason is known."""

    @property
    def last_step(self) -> int:
        """The last step that was reported; 0 if none was."""
        return max((entry["step"] for entry in self.metrics), default=0)

    @property
    def diverged(self) -> bool:
        """Whether the run ended because its loss or its gradients were not finite."""
        skipped_last = max(self.skipped, default=0) >= max(1, self.last_step)
        return self.problem is not None or (skipped_last and not self.finished)

    @property
    def finished(self) -> bool:
        """Whether the run has made all its steps."""
        return self.last_step >= self.config.training.steps

    @property
    def out_of_time(self) -> bool:
        """Whether the run seems to have ended at its time limit: it was evaluated at its last step, near the limit."""
        limit, last = self.config.training.max_seconds, self.metrics[-1] if self.metrics else {}
        return limit is not None and "valid_loss" in last and (last.get("seconds") or 0) >= 0.8 * limit


def read_record(run: RunDirectory, problem: str | None = None) -> RunRecord:
    """Read the folder of a run.

    Args:
        run: the run.
        problem: why it ended, if it did not end well.

    Raises:
        ValueError: its configuration or its metrics are damaged.
    """
    metrics = read_metrics(run.metrics)
    last_step = max((entry["step"] for entry in metrics), default=0)
    sessions = _read_object(run.environment).get("sessions")
    skipped = _read_object(run.path / "diverged.json").get("file_and_start")
    return RunRecord(
        name=run.path.resolve().name,
        config=read_run_config(run),
        metrics=tuple(metrics),
        # A run that was resumed from an earlier step has later samples until it writes its first.
        samples=tuple(each for each in read_samples(samples_path(run)) if each.step <= last_step),
        sessions=tuple(each for each in sessions if isinstance(each, dict)) if isinstance(sessions, list) else (),
        data=_read_object(run.fingerprint),
        log=_last_lines(run.log),
        skipped=tuple(int(step) for step in skipped if step.isdecimal()) if isinstance(skipped, dict) else (),
        problem=problem,
    )


def _read_object(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file; an empty one if it is missing or damaged."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _last_lines(path: Path) -> str:
    try:
        lines = path.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-_LOG_LINES:])
