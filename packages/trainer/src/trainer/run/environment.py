"""environment.json: the hardware, the versions and the code of each session of a run.

It contains what is needed to reproduce the run: versions, hardware, the command line, the git revision and, in
environment.diff, the uncommitted changes. Environment variables are not recorded, since they contain secrets.
"""

import hashlib
import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from trainer.run.directory import RunDirectory
from trainer.run.initial_weights import WeightsSource
from trainer.run.source_revision import SourceRevision, find_source_revision
from trainer.run.system import describe_system
from trainer.runtime.device import device_name


def record_environment(
    run: RunDirectory, device: torch.device, first_step: int = 0, initial_weights: WeightsSource | None = None
) -> dict[str, Any]:
    """Add a session to the run's environment.json, and return its entry.

    The entries of earlier sessions are kept. An environment.json that cannot be read is renamed to
    `environment.json.damaged`.

    Args:
        run: the run's folder.
        device: the device of the run.
        first_step: number of steps done in earlier sessions.
        initial_weights: where the weights came from that this session started with, if they were given.

    Raises:
        OSError: it cannot be written.
    """
    sessions = _earlier_sessions(run.environment)
    entry = {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "first_step": first_step,
        "initial_weights": None if initial_weights is None else asdict(initial_weights),
        **describe_environment(device),
        "git": _record_source(run, find_source_revision(), len(sessions) + 1),
    }
    text = json.dumps({"sessions": [*sessions, entry]}, indent=2) + "\n"
    _write_whole(run.environment, text.encode("utf-8"))
    return entry


def describe_environment(device: torch.device) -> dict[str, Any]:
    """Return command line, versions and hardware."""
    return {
        "command": sys.argv,
        **describe_system(),
        "device": device_name(device),
        "gpus": _gpus(),
        "cuda": torch.version.cuda,
        "threads": torch.get_num_threads(),
    }


def _earlier_sessions(path: Path) -> list[Any]:
    if not path.exists():
        return []
    try:
        content = json.loads(path.read_text("utf-8"))
    except ValueError:
        content = None
    if isinstance(content, dict):
        # In early versions the file consisted of the entry of the last session.
        sessions = content.get("sessions", [content])
        if isinstance(sessions, list):
            return sessions
    path.replace(path.with_name(f"{path.name}.damaged"))
    return []


def _record_source(run: RunDirectory, source: SourceRevision | None, session: int) -> dict[str, Any] | None:
    """Describe the code, and write its uncommitted changes to a file, unless an earlier session had the same."""
    if source is None:
        return None
    described: dict[str, Any] = {
        "revision": source.revision,
        "dirty": source.dirty,
        "untracked": source.untracked,
        "diff": None,
        "diff_sha256": None,
        "diff_truncated": source.truncated,
    }
    if source.diff:
        path = run.environment_diff
        if path.exists() and path.read_bytes() != source.diff:
            path = path.with_name(f"environment.{session}.diff")
        _write_whole(path, source.diff)
        described |= {"diff": path.name, "diff_sha256": hashlib.sha256(source.diff).hexdigest()}
    return described


def _gpus() -> list[dict[str, Any]]:
    if not torch.cuda.is_available():
        return []
    properties = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    return [{"name": each.name, "memory_bytes": each.total_memory} for each in properties]


def _write_whole(path: Path, content: bytes) -> None:
    temporary = path.with_name(f"{path.name}.tmp")
    temporary.write_bytes(content)
    temporary.replace(path)
