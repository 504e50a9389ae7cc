"""Greedy decoding by all libraries."""

from collections.abc import Sequence
from typing import Any

from benchmarks.common.medians import median_of, median_ratio
from benchmarks.common.resident_workers import Outcome
from benchmarks.model.implementations.ours_generation import GPU_MODES, MODES as OUR_MODES, UNCACHED
from benchmarks.model.sections.agreement import agree
from benchmarks.model.settings import MODES, PEERS, Row, Settings, measured

_SHAPES = ("base", "gpt2-small")
_PROMPT = 16
_NEW_IDS = {"base": 240, "gpt2-small": 48}
_SEQUENCES = {"cpu": (1,), "cuda": (1, 64)}
"""How many sequences are decoded together, by device."""


def generate(settings: Settings) -> Row:
    """Measure greedy decoding by all libraries in all their modes; `transformers` is the reference."""
    agreement, rows = [], []
    for device in settings.devices:
        for shape in settings.shapes_on(device):
            if shape in _SHAPES:
                agreement += agree(settings, device, shape)
                for sequences in _SEQUENCES[device]:
                    rows += generate_shape(settings, device, shape, sequences)
    return {"agreement": agreement, "rows": rows}


def generate_shape(settings: Settings, device: str, shape: str, sequences: int) -> list[Row]:
    """Measure decoding of some sequences at once by all libraries for one shape."""
    known = OUR_MODES if device == "cpu" else GPU_MODES
    our_modes = [mode for mode in known if mode in settings.modes or mode not in MODES]
    jobs = [("ours", mode) for mode in ([UNCACHED] if sequences == 1 else []) + our_modes]
    jobs += [(library, mode) for library in PEERS for mode in settings.modes]
    prompt, new = (8, 8) if settings.quick else (_PROMPT, _NEW_IDS[shape])
    lengths = {"sequences": sequences, "prompt": prompt, "new": new}
    cases = [{"library": library, "mode": mode, "shape": shape, **lengths} for library, mode in jobs]
    outcomes = dict(zip(jobs, settings.measure(device, "generate", cases), strict=True))
    reference = outcomes["transformers", settings.modes[0]]
    expected = _expected_ids(outcomes)
    rows = []
    for (library, mode), outcome in outcomes.items():
        row: Row = {"device": device, "shape": shape, "library": library, "mode": mode, **lengths}
        row |= measured(outcome, reference)
        if outcome.failed is None:
            row["tokens_per_second"] = sequences / row["seconds"]
            row["first_seconds"] = median_of(outcome.rounds, "first")
            row["step_seconds"] = median_of(outcome.rounds, "step")
            if reference.failed is None:
                row["step_speed_over_reference"] = median_ratio(reference.rounds, outcome.rounds, "step")
            row["ids"] = compare(expected, outcome.prepared["ids"])
        rows.append(row)
    return rows


def _expected_ids(outcomes: dict[tuple[str, str], Outcome]) -> list[list[int]]:
    """Return the ids of the first case that decoded the whole text; without a cache only a few ids are decoded."""
    for (_library, mode), outcome in outcomes.items():
        if outcome.failed is None and mode != UNCACHED:
            ids: list[list[int]] = outcome.prepared["ids"]
            return ids
    return []


def compare(expected: Sequence[Any], ids: Sequence[Any]) -> str:
    """Describe whether the ids of each step are the expected ones, up to the end of the shorter sequence."""
    for place, (one, other) in enumerate(zip(expected, ids, strict=False)):
        if one != other:
            return f"different from id {place} on"
    return "equal"
