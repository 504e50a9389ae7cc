"""The sections about whole models: a training step, and decoding."""

import functools
from collections.abc import Sequence
from statistics import median

import figures
from model_ours_generation import MODES as OUR_DECODING_MODES, UNCACHED
from model_settings import Row, Settings, distance, measured
from model_shapes import SHAPES, Shape, shrink
from runs import WorkerError
from turns import Outcome

LIBRARIES = ("ours", "plain", "transformers")
_PEERS = LIBRARIES[1:]
_LIMITS = {"logits": 1e-4, "loss": 1e-5, "gradients": 1e-3}
_MATMUL_SIZE = {"cpu": 2_048, "cuda": 8_192}
_PROMPT = 16
_NEW = {"base": 240}
_NEW_OF_OTHERS = 48


def train(settings: Settings) -> Row:
    """Measure a training step of each shape, eager and compiled, beside the machine's best matrix product."""
    agreement, rows = [], []
    for device in settings.devices:
        for name in settings.shapes_on(device):
            agreement += agree(settings, device, name)
            for mode in settings.modes_of(name):
                rows += _train(settings, device, name, mode)
    return {"agreement": agreement, "rows": rows}


@functools.cache
def agree(settings: Settings, device: str, name: str) -> list[Row]:
    """Return by how much the peers' logits, loss and gradients differ from ours.

    Raises:
        WorkerError: they do, or the greedy ids do: then nothing is to be timed.
    """
    cases = [{"library": library, "mode": "eager", "shape": name} for library in _PEERS]
    found = []
    for library, outcome in zip(_PEERS, settings.take_turns(device, "agree", cases), strict=True):
        if outcome.failed is not None:
            raise WorkerError(outcome.failed)
        facts = outcome.ready
        for what, limit in _LIMITS.items():
            if not facts[what] <= limit:
                raise WorkerError(f"{library}, {name}: the {what} differ from ours by {facts[what]:.1e} of their size")
        if not facts["ids"]:
            raise WorkerError(f"{library}, {name}: the greedy ids are not ours")
        found.append({"device": device, "shape": name, "library": library, **facts})
    return found


def _train(settings: Settings, device: str, name: str, mode: str) -> list[Row]:
    shape = _shape(settings, name)
    size = 128 if settings.quick else _MATMUL_SIZE[device]
    cases: list[Row] = [{"task": "matmul", "library": "matmul", "mode": mode, "size": size}]
    cases += [{"library": library, "mode": mode, "shape": name} for library in LIBRARIES]
    matmul, *outcomes = settings.take_turns(device, "train", cases)
    if matmul.failed is not None:
        raise WorkerError(matmul.failed)
    tokens = shape.batch[device] * shape.context_length
    rows = []
    for library, outcome in zip(LIBRARIES, outcomes, strict=True):
        row: Row = {"device": device, "shape": name, "mode": mode, "library": library, "tokens": tokens}
        row |= measured(outcome, outcomes[0])
        if outcome.failed is None:
            row["tokens_per_second"] = tokens / row["seconds"]
            row["mfu"] = _utilization(tokens * shape.flops_per_token, outcome, matmul)
            row["matmul_flops_per_second"] = median(turn["flops_per_second"] for turn in matmul.turns)
            if outcomes[0].failed is None:
                row["first_step_differs_by"] = distance(outcomes[0].ready, outcome.ready)
        rows.append(row)
    return rows


def _utilization(flops: int, outcome: Outcome, matmul: Outcome) -> float:
    """Return the share of the machine's best matrix product, both measured in the same round."""
    return median(
        flops / turn["seconds"] / best["flops_per_second"]
        for turn, best in zip(outcome.turns, matmul.turns, strict=True)
    )


def generate(settings: Settings) -> Row:
    """Measure greedy decoding of one sequence by all libraries in all their modes; `transformers` is the reference."""
    agreement, rows = [], []
    for device in settings.devices:
        for name in settings.shapes_on(device):
            if name in {"base", "gpt2-small"}:
                agreement += agree(settings, device, name)
                rows += _generate(settings, device, name)
    return {"agreement": agreement, "rows": rows}


def _generate(settings: Settings, device: str, name: str) -> list[Row]:
    our_modes = [mode for mode in OUR_DECODING_MODES if mode in settings.modes or mode not in {"eager", "compiled"}]
    jobs = [("ours", mode) for mode in (UNCACHED, *our_modes)]
    jobs += [(library, mode) for library in _PEERS for mode in settings.modes]
    prompt, new = (4, 8) if settings.quick else (_PROMPT, _NEW.get(name, _NEW_OF_OTHERS))
    case: Row = {"shape": name, "prompt": prompt, "new": new}
    cases = [{"library": library, "mode": mode, **case} for library, mode in jobs]
    outcomes = settings.take_turns(device, "generate", cases)
    by_job = dict(zip(jobs, outcomes, strict=True))
    reference = by_job["transformers", settings.modes[0]]
    expected: list[int] = next((outcome.ready["ids"] for job, outcome in by_job.items() if _has_ids(job, outcome)), [])
    rows = []
    for (library, mode), outcome in by_job.items():
        row: Row = {"device": device, "shape": name, "library": library, "mode": mode, "prompt": prompt, "new": new}
        row |= measured(outcome, reference)
        if outcome.failed is None:
            row["tokens_per_second"] = 1 / row["seconds"]
            row["first_seconds"] = figures.median_of(outcome.turns, "first")
            row["step_seconds"] = figures.median_of(outcome.turns, "step")
            if reference.failed is None:
                row["step_speed_over_reference"] = figures.median_ratio(reference.turns, outcome.turns, "step")
            row["ids"] = _compare(expected, outcome.ready["ids"])
        rows.append(row)
    return rows


def _has_ids(job: tuple[str, str], outcome: Outcome) -> bool:
    return outcome.failed is None and job[1] != UNCACHED


def _compare(expected: Sequence[int], ids: Sequence[int]) -> str:
    """Tell whether ids are those expected, as far as they go."""
    for place, (one, other) in enumerate(zip(expected, ids, strict=False)):
        if one != other:
            return f"different from id {place} on"
    return "equal"


def _shape(settings: Settings, name: str) -> Shape:
    return shrink(SHAPES[name]) if settings.quick else SHAPES[name]
