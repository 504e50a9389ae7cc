"""Colours that are distinguishable, also for colour-blind readers, labels, and readable numbers."""

import math
from typing import Literal, NamedTuple

Dashes = Literal["-", "--", ":", "-."]

# Okabe and Ito (2008), "Color Universal Design", without yellow, which is hard to see on white.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
_DASHES: tuple[Dashes, ...] = ("-", "--", ":", "-.")

_NAMES = {
    "loss": "loss (nats per token)",
    "train_loss": "training loss (nats per token)",
    "valid_loss": "validation loss (nats per token)",
    "train_perplexity": "training perplexity",
    "valid_perplexity": "validation perplexity",
    "bits_per_byte": "validation loss (bits per byte)",
    "learning_rate": "learning rate",
    "grad_norm": "gradient norm before clipping",
    "tokens_per_second": "tokens per second",
    "mfu": "model FLOPs utilization",
    "memory_bytes": "peak memory (bytes)",
    "skipped_steps": "skipped steps",
    "seconds": "seconds in the loop",
}
_LONGEST_LABEL = 32


class Look(NamedTuple):
    """Colour and dashes of the curves of a run."""

    colour: str
    dashes: Dashes


def look(number: int) -> Look:
    """Return the look of run `number`, from 0: all colours with solid lines first, then with dashed ones."""
    return Look(_COLOURS[number % len(_COLOURS)], _DASHES[number // len(_COLOURS) % len(_DASHES)])


def metric_title(metric: str) -> str:
    """Return the label of the axis of a metric."""
    return _NAMES.get(metric, metric.replace("_", " "))


def shortened(label: str) -> str:
    """Return a label, shortened in the middle if it is long, since names of runs often differ at their ends.

    >>> shortened("a_run_with_a_very_long_name_lr_0.001_seed_3")
    'a_run_with_a_ver…_lr_0.001_seed_3'
    """
    if len(label) <= _LONGEST_LABEL:
        return label
    half = _LONGEST_LABEL // 2
    return f"{label[:half]}…{label[-half:]}"


def short_number(value: float) -> str:
    """Return a number with a unit such as k or M.

    >>> [short_number(value) for value in (0, 0.25, 950, 2_500, 1e6, 3.25e9, 2e12)]
    ['0', '0.25', '950', '2.5k', '1M', '3.25B', '2T']
    """
    for size, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{unit}"
    return f"{value:.4g}"


def time_unit(seconds: float) -> tuple[str, float]:
    """Return a suitable unit for a duration, and its length in seconds.

    >>> [time_unit(seconds)[0] for seconds in (90, 3_600, 86_400, 1e6)]
    ['seconds', 'minutes', 'hours', 'days']
    """
    for name, size in (("days", 86_400.0), ("hours", 3_600.0), ("minutes", 60.0)):
        if math.isfinite(seconds) and seconds >= 3 * size:
            return name, size
    return "seconds", 1.0
