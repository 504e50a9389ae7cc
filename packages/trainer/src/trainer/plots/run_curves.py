"""Curves of one run or of many, by step, by tokens or by wall-clock time, as PNG or SVG."""

import math
from collections.abc import Sequence
from pathlib import Path

from trainer.plots.curves import Axis, Curve, PlotError, missing_metric, read_curves
from trainer.plots.figure import draw_curves, save_figure
from trainer.run.directory import RunDirectory


def plot_loss(run: RunDirectory) -> Path:
    """Draw training and validation loss over the steps into `plots/loss.png`, and return its path."""
    path = run.plots / "loss.png"
    path.parent.mkdir(exist_ok=True)
    save_figure(draw_curves(read_curves([run], "loss"), "loss", title=run.path.name), path)
    return path


def plot_runs(
    runs: Sequence[RunDirectory],
    path: Path,
    *,
    metric: str = "loss",
    by: Axis = "step",
    log_x: bool = False,
    log_y: bool = False,
) -> list[Curve]:
    """Draw a metric of runs into one picture, and return its curves.

    Args:
        runs: the runs; one that has no such figures is left out of the picture, and its curve is empty.
        path: where to, ending in `.png` or `.svg`.
        metric: a name in metrics.jsonl, or `loss` for that of training and of validation.
        by: what the curves go along.
        log_x: a logarithmic axis for that.
        log_y: a logarithmic axis for the metric.

    Raises:
        PlotError: no run has such figures, or the ending is another.
        MetricsError: the metrics of a run are damaged.
        OSError: the picture cannot be written.
    """
    curves = read_curves(runs, metric, by)
    if not any(math.isfinite(value) for curve in curves for _, value in curve.points):
        raise PlotError(missing_metric(runs, metric))
    title = runs[0].path.resolve().name if len(runs) == 1 else None
    save_figure(draw_curves(curves, metric, by, title=title, log_x=log_x, log_y=log_y), path)
    return curves
