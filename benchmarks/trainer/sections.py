"""The sections of the trainer's benchmark: results from the measurements of the worker."""

from collections.abc import Mapping, Sequence
from statistics import median, quantiles

from benchmarks.common.medians import median_of, median_ratio
from benchmarks.common.workers import WorkerError
from benchmarks.trainer.settings import Row, Settings

PARTS = ("batch", "check", "agreement", "report")
"""The parts of the trainer's step that are timed besides the gradients and the update."""


def overhead(settings: Settings) -> Row:
    """Measure steps of the trainer's loop and of a minimal loop.

    Raises:
        WorkerError: the worker failed, or the two loops did not compute the same.
    """
    answer = settings.run("overhead")
    if answer["differs_by"] != 0:
        raise WorkerError(f"the two loops do not compute the same: their weights differ by {answer['differs_by']:.1e}")
    return answer | costs_of_steps(answer["steps"])


def costs_of_steps(steps: Sequence[Mapping[str, float]]) -> Row:
    """Return medians and ratios of the seconds of all steps and of their parts."""
    plain, whole = [step["plain"] for step in steps], [step["whole"] for step in steps]
    around = [step["whole"] - step["gradients"] - step["update"] for step in steps]
    parts = {name: median(step[name] for step in steps) for name in ("gradients", "update", *PARTS)}
    parts["rest"] = median(total - sum(step[name] for name in PARTS) for total, step in zip(around, steps, strict=True))
    low, _, high = quantiles((own / other for own, other in zip(whole, plain, strict=True)), n=4)
    return {
        "plain_seconds": median(plain),
        "seconds": median(whole),
        "ratio": median(whole) / median(plain),
        "quartiles_of_ratios": [low, high],
        "plain_over_itself": median(plain[::2]) / median(plain[1::2]),
        "around_seconds": median(around),
        "around_share": median(around) / median(whole),
        "most_around_seconds": max(around),
        "parts": parts,
    }


def loader(settings: Settings) -> Row:
    """Measure loaders on the same file; the first of ours is the reference."""
    answer = settings.run("loader")
    tokens = settings.batch_size * answer["model"]["context_length"]
    reference = answer["rows"][0]
    for row in answer["rows"]:
        if "failed" not in row:
            row["seconds"] = median_of(row["turns"], "seconds")
            row["tokens_per_second"] = tokens / row["seconds"]
            row |= _ratio(reference, row, "seconds", "speed_over_reference")
    return answer | {"tokens": settings.tokens, "batches": settings.batches, "batch_tokens": tokens}


def checkpoints(settings: Settings) -> Row:
    """Measure ways to save and to load; the first of ours is the reference. The first round does not count."""
    answer = settings.run("checkpoints")
    for row in answer["rows"]:
        if "failed" not in row:
            first, *row["turns"] = row["turns"]
            row["first_turn"] = first
    reference = answer["rows"][0]
    for row in answer["rows"]:
        if "failed" not in row:
            for name in ("seconds", "stall_seconds", "load_seconds", "bytes"):
                row[name] = median_of(row["turns"], name)
            row |= _ratio(reference, row, "seconds", "speed_over_reference")
            row |= _ratio(reference, row, "load_seconds", "load_speed_over_reference")
    return answer


def _ratio(reference: Row, row: Row, key: str, name: str) -> Row:
    """Return the median speed relative to the reference in the same round, or nothing if the reference failed."""
    return {} if "failed" in reference else {name: median_ratio(reference["turns"], row["turns"], key)}
