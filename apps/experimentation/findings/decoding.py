"""The finding about decoding: how temperature and top-p change what is generated."""

from collections.abc import Mapping, Sequence
from typing import Any

from experimentation.findings.figures import value
from experimentation.findings.finding import Dots, Finding, Measurements, Plot, not_run


def decoding(measurements: Measurements) -> Finding:
    """Compare temperatures and top-p by the diversity of what is generated; nothing was reported elsewhere."""
    rows = [row for result in measurements.results for row in result.rows if None not in row.values()]
    if len(rows) < 2:
        return not_run("it needs at least two settings")
    cold, hot = (choose(rows, key=lambda row: (row["temperature"], row["top_p"])) for choose in (min, max))
    sentences = [
        f"From temperature {cold['temperature']:g}, top-p {cold['top_p']:g} to temperature {hot['temperature']:g}, "
        f"top-p {hot['top_p']:g} the share of different pairs of tokens changes from {cold['distinct_2']:.0%} to "
        f"{hot['distinct_2']:.0%}, that of repeated runs of four tokens from {cold['repeated_4grams']:.0%} to "
        f"{hot['repeated_4grams']:.0%}, and the mean log-probability from {cold['mean_log_probability']:.2f} to "
        f"{hot['mean_log_probability']:.2f}."
    ]
    text = value(measurements.results[0], "text_distinct_2")
    if text is not None:
        nearest = min(rows, key=lambda row: abs(row["distinct_2"] - text))
        sentences.append(
            f"Texts of the corpus have {text:.0%} different pairs; nearest to them is temperature "
            f"{nearest['temperature']:g}, top-p {nearest['top_p']:g} with {nearest['distinct_2']:.0%}."
        )
    return Finding(" ".join(sentences), "not comparable", plot=_diversity(rows))


def _diversity(rows: Sequence[Mapping[str, Any]]) -> Plot:
    """Return the diversity by temperature, a line for each top-p."""
    dots = tuple(
        Dots(
            f"top-p {top_p:g}", tuple((row["temperature"], row["distinct_2"]) for row in rows if row["top_p"] == top_p)
        )
        for top_p in sorted({row["top_p"] for row in rows})
    )
    return Plot("temperature", "share of different pairs of tokens", dots, scale="even")
