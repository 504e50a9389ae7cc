"""Plots of one or several runs, by step, tokens or time, as PNG or SVG."""

import math
from collections.abc import Sequence
from pathlib import Path

from trainer.plots.curves import Axis, Curve, PlotError, missing_metric, read_curves
from trainer.plots.figure import draw_curves, save_figure
from trainer.run.directory import RunDirectory


def plot_loss(run: RunDirectory) -> Path:
    """Plot training and validation loss by step into `plots/loss.png`, and return its path."""
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
    """Plot a metric of several runs into one file, and return its curves.

    Args:
        runs: the runs; one that does not have the metric is not drawn, and its curve has no points.
        path: the file, ending in `.png` or `.svg`.
        metric: a name in metrics.jsonl, or `loss` for training and validation loss.
        by: the horizontal axis.
        log_x: whether the horizontal axis is logarithmic.
        log_y: whether the vertical axis is logarithmic.

    Raises:
        PlotError: no run has the metric, or the file name has another ending.
        MetricsError: the metrics of a run are damaged.
        OSError: the file cannot be written.
    """
    curves = read_curves(runs, metric, by)
    if not any(math.isfinite(value) for curve in curves for _, value in curve.points):
        raise PlotError(missing_metric(runs, metric))
    title = runs[0].path.resolve().name if len(runs) == 1 else None
    save_figure(draw_curves(curves, metric, by, title=title, log_x=log_x, log_y=log_y), path)
    return curves
