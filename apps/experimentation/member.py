"""One member in its folder: `member.json` says what to run, `result.json` what it gave.

A member that has a result is finished and is not run again. Without one, it is run, or resumed from what an earlier
session has left in its folder.
"""

import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from experimentation.kinds import load_kind
from experimentation.planning import PlannedMember
from experimentation.results import FORMAT, MemberResult, read_result, write_json, write_result
from experimentation.scales import Scale
from experimentation.text_sources import Corpora, as_json, from_json
from experimentation.workspace import WandbMode, Workspace
from folder_lock import lock_folder
from trainer.run import describe_system, find_source_revision

ORDER, RESULT, ENVIRONMENT, RUN = "member.json", "result.json", "environment.json", "run"
"""The files of a member's folder, and the folder of its training run."""
ERROR = "error.txt"
"""Why the latest session has failed."""
_WAIT_SECONDS = 60
"""How long a member waits for a process that has been killed, or is still saving, to end."""


class MemberError(ValueError):
    """The folder of a member is damaged."""


def finished_result(planned: PlannedMember, directory: Path) -> MemberResult | None:
    """Return the result of a member under its name in its experiment; None if it is not finished."""
    result = read_result(planned.folder(directory) / RESULT)
    if result is None or result.fingerprint != planned.fingerprint:
        return None
    return replace(result, name=planned.member.name, settings=planned.member.settings)


def write_order(
    planned: PlannedMember, directory: Path, corpora: Corpora, scale: Scale, device: str, wandb_mode: WandbMode
) -> Path:
    """Write what a member is to run into its folder, which is created and returned.

    Raises:
        OSError: it cannot be written.
    """
    folder = planned.folder(directory).resolve()
    (folder / ERROR).unlink(missing_ok=True)
    used = None if planned.uses is None else planned.uses.folder(directory).resolve() / RUN
    content = {
        "format": FORMAT,
        "name": planned.member.name,
        "kind": planned.kind,
        "seed": planned.member.seed,
        "fingerprint": planned.fingerprint,
        "settings": planned.settings,
        "own_settings": planned.member.settings,
        "text": as_json(corpora.text),
        "other_text": as_json(corpora.other_text),
        "scale": asdict(scale),
        "used_run": None if used is None else str(used),
        "device": device,
        "wandb_mode": wandb_mode,
        "group": planned.experiment.name,
        "tags": [scale.name, planned.member.name],
    }
    write_json(folder / ORDER, content)
    return folder


def run_members(folders: Sequence[Path]) -> int:
    """Run the members in some folders, one after another; one that fails does not stop the others.

    Returns:
        How many have failed. The reason is in the folder of each, and is printed.

    Raises:
        TrainingInterrupted: the process was asked to stop; everything is saved.
    """
    failed = 0
    for folder in folders:
        try:
            run_member(folder)
        except (ValueError, OSError) as error:
            failed += 1
            print(f"error: {error}", file=sys.stderr)
            (folder / ERROR).write_text(f"{' '.join(str(error).split())}\n", "utf-8")
            if os.environ.get("TRACEBACK"):
                raise
    return failed


def run_member(folder: Path) -> None:
    """Run the member in a folder, unless it is finished, and write its result.

    Raises:
        ValueError: the folder is damaged, another process works in it, or a setting is not allowed.
        OSError: a file cannot be read or written.
        TrainingInterrupted: the process was asked to stop; everything is saved.
    """
    with lock_folder(folder, "running this member", wait_seconds=_WAIT_SECONDS):
        order = _read_order(folder)
        if read_result(folder / RESULT) is not None:
            return
        write_json(folder / ENVIRONMENT, _environment())
        started = time.perf_counter()
        outcome = load_kind(order["kind"]).run(order["settings"], order["seed"], _workspace(folder, order))
        result = MemberResult(
            order["name"],
            order["seed"],
            order["kind"],
            order["fingerprint"],
            order["own_settings"],
            outcome.status,
            outcome.values,
            outcome.curves,
            outcome.rows,
            outcome.texts,
            time.perf_counter() - started if outcome.seconds is None else outcome.seconds,
        )
        write_result(result, folder / RESULT)


def _read_order(folder: Path) -> dict[str, Any]:
    path = folder / ORDER
    try:
        order = json.loads(path.read_text("utf-8"))
    except ValueError:
        order = None
    if not isinstance(order, dict) or order.get("format") != FORMAT:
        raise MemberError(f"{path} is damaged: delete {folder}, and run the experiment again")
    return order


def _workspace(folder: Path, order: dict[str, Any]) -> Workspace:
    return Workspace(
        folder,
        from_json(order["text"]),
        from_json(order["other_text"]),
        Scale(**order["scale"]),
        None if order["used_run"] is None else Path(order["used_run"]),
        order["device"],
        order["wandb_mode"],
        order["group"],
        tuple(order["tags"]),
    )


def _environment() -> dict[str, Any]:
    """Return machine, versions and revision of the code, without names of machines or paths."""
    system = {name: value for name, value in describe_system().items() if name != "host"}
    source = find_source_revision([Path(__file__)])
    git = None if source is None else {"revision": source.revision, "dirty": source.dirty}
    return {**system, "git": git}
