"""What has been done in a folder: one JSON file, `state.json`, that says of each phase from what it made what.

A phase is skipped if it has been done with the same inputs, and its results are as it left them. Its entry is removed
before it starts and written when its results are complete, so that a program that is killed leaves nothing that looks
finished. To do everything again, delete the file.
"""

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from preparation.checksums import fingerprint

Inputs = Mapping[str, Any]
"""What determines the results of a phase, as JSON: settings, and fingerprints of the files that it reads."""
Figures = dict[str, Any]
"""What a phase reports, as JSON."""


@dataclass(frozen=True)
class Phase:
    """What `state.json` says of a phase."""

    inputs: dict[str, Any]
    """What it was done with."""
    outputs: dict[str, str]
    """The fingerprints of its results, by path; a path is relative to the folder if the file is in it."""
    seconds: float
    """How long it took."""
    figures: Figures
    """What it reported."""


class State:
    """The entries of `state.json` in a folder."""

    def __init__(self, folder: Path) -> None:
        """Read the file. If it is missing or damaged, nothing counts as done."""
        self.folder = folder
        self.path = folder / "state.json"
        self.source: str | None = None
        """What the folder was prepared from; None if it is new."""
        self.phases: dict[str, Phase] = {}
        try:
            content = json.loads(self.path.read_text("utf-8"))
            self.phases = {name: Phase(**entry) for name, entry in content["phases"].items()}
            self.source = content["source"]
        except FileNotFoundError:
            pass
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            self.phases = {}

    def save(self) -> None:
        """Write the file, completely or not at all."""
        phases = {name: vars(phase) for name, phase in self.phases.items()}
        write_text(self.path, json.dumps({"source": self.source, "phases": phases}, indent=2) + "\n")

    def is_done(self, name: str, inputs: Inputs | None = None) -> bool:
        """Return whether a phase was done, with these inputs if they are given, and its results are unchanged."""
        phase = self.phases.get(name)
        if phase is None or (inputs is not None and phase.inputs != inputs):
            return False
        try:
            return all(fingerprint(self.folder / path) == digest for path, digest in phase.outputs.items())
        except OSError:
            return False

    def run(self, name: str, inputs: Inputs, work: Callable[[], tuple[Sequence[Path], Figures]]) -> Phase:
        """Do a phase, unless it is done, and return its entry.

        Args:
            name: the name of the phase.
            inputs: what determines its results.
            work: makes the results, and returns their paths and figures for the report.
        """
        if not self.is_done(name, inputs):
            self.phases.pop(name, None)
            self.save()
            started = time.perf_counter()
            outputs, figures = work()
            seconds = round(time.perf_counter() - started, 3)
            prints = {self._shown(path): fingerprint(path) for path in outputs}
            self.phases[name] = Phase(dict(inputs), prints, seconds, figures)
            self.save()
        return self.phases[name]

    def _shown(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix() if path.is_relative_to(self.folder) else str(path)


def write_text(path: Path, text: str) -> None:
    """Write a text file, completely or not at all.

    Raises:
        OSError: it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.unfinished")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from None
