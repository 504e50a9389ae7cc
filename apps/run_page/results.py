"""The outcome of a run and what it cost, as names and values to show."""

import math
from collections.abc import Mapping
from statistics import median
from typing import Any

from nn.accounting import count_parameters, training_flops
from run_page.record import RunRecord

Rows = list[tuple[str, str]]


def status(record: RunRecord) -> str:
    """Return in one sentence whether the run has come to its end."""
    step, steps = record.last_step, record.config.training.steps
    if record.problem is not None:
        return f"Diverged after step {step:,} of {steps:,}: {record.problem}"
    if record.diverged:
        first, last = min(record.skipped), max(record.skipped)
        return f"Diverged: loss or gradient is not finite at steps {first:,} to {last:,} of {steps:,}."
    if record.finished:
        return f"Finished: {steps:,} steps."
    if record.out_of_time:
        return f"Finished at its time limit, after step {step:,} of {steps:,}."
    if step == 0:
        return f"No step of {steps:,} has been reported yet."
    return f"Not finished: the last report is of step {step:,} of {steps:,}. It can be resumed."


def outcome(record: RunRecord) -> Rows:
    """Return the final figures: validation loss, perplexity, bits per byte, and the best loss."""
    rows = []
    evaluations = [entry for entry in record.metrics if _known(entry, "valid_loss")]
    if evaluations:
        last, best = evaluations[-1], min(evaluations, key=lambda entry: entry["valid_loss"])
        rows.append(("validation loss (nats per token)", f"{last['valid_loss']:.4f}"))
        rows.append(("validation perplexity", f"{math.exp(min(700.0, last['valid_loss'])):,.2f}"))
        if _known(last, "bits_per_byte"):
            rows.append(("bits per byte", f"{last['bits_per_byte']:.4f}"))
        if best["step"] != last["step"]:
            rows.append(("best validation loss", f"{best['valid_loss']:.4f} at step {best['step']:,}"))
    losses = [entry["train_loss"] for entry in record.metrics if _known(entry, "train_loss")]
    if losses:
        rows.append(("training loss, last", f"{losses[-1]:.4f}"))
    if record.last_step:
        rows.append(("time in training", duration(_last(record, "seconds"))))
    return rows


def cost(record: RunRecord) -> Rows:
    """Return what the run has cost so far: time, tokens, arithmetic, memory."""
    config, tokens, seconds = record.config, _last(record, "tokens"), _last(record, "seconds")
    flops = tokens / config.model.context_length * training_flops(config.model).total
    rows = [("parameters", f"{count_parameters(config.model).total:,}")]
    if not record.last_step:
        return rows
    rows += [
        ("steps", f"{record.last_step:,} of {config.training.steps:,}"),
        ("tokens", f"{tokens:,.0f}"),
        ("FLOPs of training", f"{flops:.4g}"),
        ("time in training, with evaluations", duration(seconds)),
    ]
    if passes := _passes(record, tokens):
        rows.insert(3, ("passes over the training tokens", passes))
    if seconds:
        rows.append(("FLOP/s over this time", f"{flops / seconds:.3g}"))
    for name, title, form in (
        ("tokens_per_second", "tokens per second of training steps, median", "{:,.0f}"),
        ("mfu", "model FLOPs utilization, median", "{:.1%}"),
    ):
        if values := [entry[name] for entry in record.metrics if _known(entry, name)]:
            rows.append((title, form.format(median(values))))
    if memory := _last(record, "memory_bytes"):
        rows.append(("peak memory", f"{memory / 1e9:.2f} GB"))
    if skipped := _last(record, "skipped_steps"):
        rows.append(("skipped steps", f"{skipped:,.0f}"))
    if len(record.sessions) > 1:
        rows.append(("sessions", f"{len(record.sessions)}"))
    return rows


def duration(seconds: float) -> str:
    """Return a number of seconds in units that people use.

    >>> [duration(seconds) for seconds in (0.25, 42, 600, 90_000)]
    ['0.2 s', '42 s', '10 min 0 s', '25 h 0 min']
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes_left} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _passes(record: RunRecord, tokens: float) -> str | None:
    """Return how often the training tokens were seen on average; None if files have weights, or are not known."""
    files = record.data.get("train")
    counts = [file.get("count") for file in files if isinstance(file, dict)] if isinstance(files, list) else []
    known = [count for count in counts if isinstance(count, int)]
    if record.config.data.train_weights or not known or len(known) < len(counts):
        return None
    return f"{tokens / max(1, sum(known)):.2f} of {sum(known):,} tokens"


def _last(record: RunRecord, name: str) -> float:
    """Return the last known value of a metric; 0 if there is none."""
    values = (entry[name] for entry in reversed(record.metrics) if _known(entry, name))
    return float(next(values, 0.0))


def _known(entry: Mapping[str, Any], name: str) -> bool:
    value = entry.get(name)
    return isinstance(value, int | float) and math.isfinite(value)
