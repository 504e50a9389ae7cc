"""Findings about arithmetic: the toy problem of SGD, and the accounting of models and of AdamW."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from experimentation.findings.figures import Compared, compared, disagreements, number, result_of, value
from experimentation.findings.finding import Dots, Finding, Measurements, Plot, Verdict, not_run


def sgd_toy(measurements: Measurements) -> Finding:
    """Compare the rates of the toy problem.

    Reported: rates of 10 and 100 shrink the loss, 100 faster, and 1000 diverges.
    """
    rows = {row.get("learning_rate"): row for row in measurements.results[0].rows}
    if not {10, 100, 1000} <= rows.keys():
        return not_run("it needs the rates 10, 100 and 1000")
    checks = [
        _number(rows[10], "last_loss") < _number(rows[10], "first_loss"),
        _number(rows[100], "last_loss") < _number(rows[10], "last_loss"),
        bool(rows[1000]["diverged"]),
    ]
    sentence = "; ".join(
        f"rate {rate:g} takes the loss from {_number(row, 'first_loss'):.3g} to {_number(row, 'last_loss'):.2g}"
        + (" (diverged)" if row["diverged"] else "")
        for rate, row in sorted(rows.items())
    )
    return Finding(f"{sentence.capitalize()}.", _of_checks(checks), plot=_losses_by_step(measurements))


def _number(row: Mapping[str, Any], name: str) -> float:
    """Return a loss; infinity if it was not finite, which is stored as null."""
    return math.inf if row[name] is None else float(row[name])


def _losses_by_step(measurements: Measurements) -> Plot | None:
    """Return the curves of the rates; None if there are none."""
    curves = measurements.results[0].curves
    dots = tuple(
        Dots(name, tuple(zip(curve["step"], curve["value"], strict=True)))
        for name, curve in curves.items()
        if all(value is not None and value > 0 for value in curve["value"])
    )
    return Plot("step", "loss", dots, log_y=True) if dots else None


def accounting(measurements: Measurements) -> Finding:
    """Compare parameters and FLOPs with the reported ones, and state how the shares change with size and context."""
    sentences = [_agreement(pairs := compared(measurements))]
    small, large = (result_of(measurements, f"GPT-2 {size}") for size in ("small", "XL"))
    shares = [value(result, "share_feedforward") for result in (small, large)]
    heads = [value(result, "share_head") for result in (small, large)]
    if None not in (*shares, *heads):
        sentences.append(
            f"From small to XL the share of the feed-forward networks changes from {shares[0]:.0%} to {shares[1]:.0%}, "
            f"that of the head from {heads[0]:.0%} to {heads[1]:.0%}."
        )
    long = next((result for result in measurements.results if "16,384" in result.name), None)
    total, longer = value(large, "flops_total"), value(long, "flops_total")
    scores = [value(long, name) for name in ("share_scores", "share_values")]
    if total and longer and scores[0] is not None and scores[1] is not None:
        sentences.append(
            f"At context 16,384, XL takes {longer:.3g} FLOPs, {longer / total:.0f} times as many, of which scores and "
            f"weighted values are {sum(filter(None, scores)):.0%}."
        )
    return Finding(" ".join(sentences), _exact(pairs))


def adamw_cost(measurements: Measurements) -> Finding:
    """Compare memory, FLOPs and time of training with AdamW with the reported ones."""
    result = measurements.results[0]
    pairs = compared(measurements)
    fixed, each = value(result, "fixed_bytes"), value(result, "bytes_per_sequence")
    batch, days = value(result, "largest_batch"), value(result, "days")
    memory, steps = result.settings.get("memory_bytes"), result.settings.get("steps")
    within = f" within {memory / 1e9:.0f} GB" if isinstance(memory, int | float) else ""
    sentences = [
        f"Training {result.name} takes {number(each)} bytes for each sequence and {number(fixed)} in any case, so that "
        f"{number(batch)} is the largest batch{within}.",
        *([f"{number(steps)} steps take {number(days)} days."] if days is not None and steps is not None else []),
        _agreement(pairs),
    ]
    return Finding(" ".join(sentences), _exact(pairs))


def _of_checks(checks: Sequence[bool]) -> Verdict:
    return "reproduced" if all(checks) else "partly reproduced" if any(checks) else "not reproduced"


def _exact(pairs: Sequence[Compared]) -> Verdict:
    return _of_checks([pair.agrees() for pair in pairs]) if pairs else "not comparable"


def _agreement(pairs: Sequence[Compared]) -> str:
    """Return how many of the reported figures are obtained."""
    agree = [pair for pair in pairs if pair.agrees()]
    if not pairs:
        return "No figure was reported elsewhere."
    wrong = disagreements([pair for pair in pairs if pair not in agree])
    return f"{len(agree)} of {len(pairs)} figures equal those reported elsewhere{f', not {wrong}' if wrong else ''}."
