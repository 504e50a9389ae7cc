"""The sections of the trainer's benchmark: what is made of what the worker measured."""

from collections.abc import Mapping, Sequence
from statistics import median, quantiles

import figures
from runs import WorkerError
from trainer_settings import Row, Settings

PARTS = ("batch", "check", "agreement", "report")
"""Of the trainer's step: what is timed beside the gradients and the update."""


def overhead(settings: Settings) -> Row:
    """Measure steps of the trainer's loop against those of a loop written by hand.

    Raises:
        WorkerError: it failed, or the two loops did not compute the same.
    """
    answer = settings.run("overhead")
    if answer["differs_by"] != 0:
        raise WorkerError(f"the two loops do not compute the same: their weights differ by {answer['differs_by']:.1e}")
    return answer | costs_of_steps(answer["steps"])


def costs_of_steps(steps: Sequence[Mapping[str, float]]) -> Row:
    """Return what follows from the seconds of each step and its parts."""
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
    """Measure loaders over the same file; the first of ours is the reference."""
    answer = settings.run("loader")
    tokens = settings.batch_size * answer["model"]["context_length"]
    reference = answer["rows"][0]
    for row in answer["rows"]:
        if "failed" not in row:
            row["seconds"] = figures.median_of(row["turns"], "seconds")
            row["tokens_per_second"] = tokens / row["seconds"]
            row |= _ratio(reference, row, "seconds", "speed_over_reference")
    return answer | {"tokens": settings.tokens, "batches": settings.batches, "batch_tokens": tokens}


def checkpoints(settings: Settings) -> Row:
    """Measure ways to save and to load; the first of ours is the reference."""
    answer = settings.run("checkpoints")
    for row in answer["rows"]:
        if "failed" not in row:
            first, *row["turns"] = row["turns"]
            row["first_turn"] = first
    reference = answer["rows"][0]
    for row in answer["rows"]:
        if "failed" not in row:
            for name in ("seconds", "stall_seconds", "load_seconds", "bytes"):
                row[name] = figures.median_of(row["turns"], name)
            row |= _ratio(reference, row, "seconds", "speed_over_reference")
            row |= _ratio(reference, row, "load_seconds", "load_speed_over_reference")
    return answer


def _ratio(reference: Row, row: Row, key: str, name: str) -> Row:
    """Return how many times as fast as the reference this is, round by round; nothing if the reference failed."""
    return {} if "failed" in reference else {name: figures.median_ratio(reference["turns"], row["turns"], key)}
