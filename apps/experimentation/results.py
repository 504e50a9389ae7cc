"""The results of members: a JSON file for each in its folder, and a compact file for each experiment.

A file of results is written completely or not at all, so that a member with one is finished.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, cast

from experimentation.workspace import Curve, Status, Value

FORMAT = 1
_DIGITS, _POINTS = 6, 50


class ResultError(ValueError):
    """A file of results is damaged, or of another version."""


@dataclass(frozen=True)
class MemberResult:
    """What a member has given."""

    name: str
    seed: int
    kind: str
    fingerprint: str
    """What the result depends on: equal members of several experiments have the same."""
    settings: Mapping[str, Any]
    """What the member adds to the settings that it shares with the other members."""
    status: Status
    values: Mapping[str, Value]
    curves: Mapping[str, Curve] = field(default_factory=dict)
    rows: Sequence[Mapping[str, Any]] = ()
    texts: Sequence[Mapping[str, str]] = ()
    seconds: float = 0.0
    """Time spent, over all sessions."""


@dataclass(frozen=True)
class ExperimentResults:
    """The results of an experiment's members, as far as they are finished."""

    experiment: str
    scale: str
    environment: Mapping[str, Any]
    """Where they were measured: machine, versions, code, texts."""
    members: tuple[MemberResult, ...]
    """In the order of the experiment."""


def write_result(result: MemberResult, path: Path) -> None:
    """Write the result of a member, completely or not at all.

    Raises:
        OSError: it cannot be written.
    """
    write_json(path, {"format": FORMAT, **asdict(result)})


def read_result(path: Path) -> MemberResult | None:
    """Return the result of a member; None if it has none, or a damaged one, which is as good as none."""
    try:
        return _member(json.loads(path.read_text("utf-8")), path)
    except (OSError, ValueError):
        return None


def write_experiment_results(results: ExperimentResults, path: Path) -> None:
    """Write the results of an experiment in compact form: see `compact`.

    Raises:
        OSError: they cannot be written.
    """
    members = [compact({"format": FORMAT, **asdict(member)}) for member in results.members]
    write_json(path, {"format": FORMAT, **asdict(replace(results, members=())), "members": members})


def read_experiment_results(path: Path) -> ExperimentResults:
    """Return the results of an experiment.

    Raises:
        ResultError: the file is damaged, or of another version.
        OSError: it cannot be read.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ResultError(f"{path} is not JSON ({error}): run experiments.py report again") from None
    try:
        _check_format(content, path)
        members = tuple(_member(member, path) for member in content["members"])
        return ExperimentResults(content["experiment"], content["scale"], content["environment"], members)
    except (KeyError, TypeError) as error:
        raise ResultError(
            f"{path} has no results of an experiment ({error}): run experiments.py report again"
        ) from None


def compact(member: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON of a member with curves of at most 50 points and floats of 6 significant digits.

    The last point of a curve is kept. Whole numbers stay exact.
    """
    curves = {name: _thinned(curve) for name, curve in member["curves"].items()}
    return cast("dict[str, Any]", _mapped({**member, "curves": curves}, _rounded))


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file, completely or not at all; NaN and infinity become null.

    Raises:
        OSError: it cannot be written.
    """
    finite = _mapped(content, lambda number: number if math.isfinite(number) else None)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(json.dumps(finite, indent=1, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")
    temporary.replace(path)


def _member(content: Any, path: Path) -> MemberResult:
    _check_format(content, path)
    known = {each.name for each in fields(MemberResult)} | {"format"}
    if set(content) != known:
        raise ResultError(f"{path} is not the result of a member: its keys are {', '.join(content)}")
    return MemberResult(**{key: value for key, value in content.items() if key != "format"})


def _check_format(content: Any, path: Path) -> None:
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ResultError(
            f"{path} is not a file of results of format {FORMAT}: remove it, and run the experiment again"
        )


def _thinned(curve: Curve) -> Curve:
    """Return every n-th point of a curve, counted from its end."""
    length = len(curve["step"])
    every = -(-length // _POINTS)
    return {name: list(values[(length - 1) % every :: every]) for name, values in curve.items()} if length else curve


def _rounded(number: float) -> float:
    return float(f"{number:.{_DIGITS}g}")


def _mapped(tree: Any, change: Callable[[float], Any]) -> Any:
    """Return a tree of lists and mappings with every float changed."""
    if isinstance(tree, Mapping):
        return {key: _mapped(value, change) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_mapped(value, change) for value in tree]
    return change(tree) if isinstance(tree, float) else tree
