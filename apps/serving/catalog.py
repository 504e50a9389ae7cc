"""The runs below a folder and their checkpoints. A client names one of these; its text never becomes a path."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from trainer import RunDirectory, read_metrics

DEPTH = 3
"""How many folders deep runs are looked for: runs/tiny is one deep in runs."""
CURVE_POINTS = 400
"""A curve is thinned to about this many points, which is more than a small plot can show."""
_STEP = re.compile(r"step_([0-9]{8,18})")


class UnknownModelError(ValueError):
    """A client has asked for a run or a checkpoint that does not exist."""


@dataclass(frozen=True)
class ModelChoice:
    """A checkpoint of a run."""

    run: RunDirectory
    checkpoint: Path
    written: int
    """When it was written: a run that is trained again may write another one under the same name."""


@dataclass(frozen=True)
class Catalog:
    """The runs in a folder, or the run that it is; read again at each question, since runs come and go."""

    folder: Path

    def runs(self) -> dict[str, RunDirectory]:
        """Return the runs that have a tokenizer and a checkpoint, by name, the one trained last first."""
        if _is_run(self.folder):
            found = [(self.folder.resolve().name, RunDirectory(self.folder))]
        else:
            found = [(run.path.relative_to(self.folder).as_posix(), run) for run in _runs_in(self.folder, DEPTH)]
        usable = [(name, run) for name, run in found if run.tokenizer.is_file() and steps(run)]
        return dict(sorted(usable, key=lambda entry: -_last_change(entry[1])))

    def run(self, name: str) -> RunDirectory:
        """Return the run with this name.

        Raises:
            UnknownModelError: there is none.
        """
        runs = self.runs()
        if name not in runs:
            raise UnknownModelError(f"there is no run {name[:100]!r}: {_hint(name, runs)}")
        return runs[name]

    def find(self, model: str) -> ModelChoice:
        """Return the checkpoint for `RUN`, its latest, or `RUN@STEP`.

        Raises:
            UnknownModelError: there is no such run, or it has no checkpoint of this step.
            OSError: the checkpoint was deleted at this moment.
        """
        runs = self.runs()
        if model in runs:
            return _choice(runs[model], steps(runs[model])[-1])
        name, at, step = model.rpartition("@")
        if not at or name not in runs:
            raise UnknownModelError(f"there is no model {model[:100]!r}: {_hint(name or model, runs)}")
        saved = {str(saved): saved for saved in steps(runs[name])}
        if step not in saved:
            raise UnknownModelError(f"{name} has no checkpoint of step {step[:100]!r}: it has {', '.join(saved)}")
        return _choice(runs[name], saved[step])


def steps(run: RunDirectory) -> list[int]:
    """Return the steps of which a run has a checkpoint, in ascending order."""
    if not run.checkpoints.is_dir():
        return []
    names = [match for path in run.checkpoints.iterdir() if path.is_dir() and (match := _STEP.fullmatch(path.name))]
    return sorted(step for match in names if run.checkpoint(step := int(match[1])).name == match[0])


def loss_curve(run: RunDirectory) -> dict[str, Any]:
    """Return the training and validation loss of a run as `[step, loss]` pairs, and the steps of its checkpoints.

    Raises:
        MetricsError: the metrics file is damaged.
    """
    entries = read_metrics(run.metrics)

    def points(key: str) -> list[tuple[int, float]]:
        return [(entry["step"], entry[key]) for entry in entries if isinstance(entry.get(key), int | float)]

    return {"train": _thinned(points("train_loss")), "valid": _thinned(points("valid_loss")), "checkpoints": steps(run)}


def _choice(run: RunDirectory, step: int) -> ModelChoice:
    checkpoint = run.checkpoint(step)
    return ModelChoice(run, checkpoint, checkpoint.stat().st_mtime_ns)


def _thinned(points: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """Keep every n-th point, and the last."""
    every = -(-len(points) // CURVE_POINTS) or 1
    return [*points[:-1:every], *points[-1:]]


def _runs_in(folder: Path, depth: int) -> Iterator[RunDirectory]:
    """Yield the runs in a folder, without following links, which could lead out of it."""
    try:
        inside = sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
    except OSError:  # it has disappeared, or may not be read
        return
    for path in inside:
        if _is_run(path):
            yield RunDirectory(path)
        elif depth > 1 and not path.name.startswith("."):
            yield from _runs_in(path, depth - 1)


def _is_run(folder: Path) -> bool:
    return not folder.name.startswith(".") and (folder / "config.yaml").is_file()


def _last_change(run: RunDirectory) -> float:
    try:
        return run.checkpoint(steps(run)[-1]).stat().st_mtime
    except (OSError, IndexError):  # deleted meanwhile
        return 0.0


def _hint(name: str, runs: dict[str, RunDirectory]) -> str:
    similar = get_close_matches(name, runs, n=1)
    if similar:
        return f"did you mean {similar[0]!r}?"
    return f"choose one of {', '.join(list(runs)[:10])}" if runs else "there are no runs any more"
