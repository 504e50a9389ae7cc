"""Drawing curves with matplotlib, which is imported when the first figure is drawn."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.plots.curves import Axis, Curve, PlotError
from trainer.plots.style import look, metric_title, short_number, shortened, time_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FORMATS = (".png", ".svg")
_MOST_RUNS_INSIDE = 4  # with more, the legend is next to the axes
_MOST_MARKERS = 60
_SHORT_NUMBERS_FROM = 10_000


def draw_curves(
    curves: Sequence[Curve],
    metric: str,
    by: Axis = "step",
    *,
    title: str | None = None,
    log_x: bool = False,
    log_y: bool = False,
) -> "Figure":
    """Draw curves into one figure: a colour for each run, and a line style for each of several metrics.

    Args:
        curves: the curves; those without points are not drawn.
        metric: names the vertical axis.
        by: the horizontal axis; times are given in seconds, and shown in a suitable unit.
        title: the title of the figure.
        log_x: whether the horizontal axis is logarithmic.
        log_y: whether the vertical axis is logarithmic.
    """
    from matplotlib.figure import Figure

    drawn = [curve for curve in curves if curve.points]
    runs = list(dict.fromkeys(curve.run for curve in curves))  # of all curves, so that a run keeps its colour
    metrics = list(dict.fromkeys(curve.metric for curve in drawn))
    many = len({curve.run for curve in drawn}) > _MOST_RUNS_INSIDE
    figure = Figure(figsize=(10.5 if many else 8, 5), layout="constrained")
    axes = figure.subplots()
    unit, size = time_unit(max((x for curve in drawn for x, _ in curve.points), default=0.0))
    for curve in drawn:
        faint = len(metrics) > 1 and curve.metric == metrics[0]
        _draw(axes, curve, runs.index(curve.run), faint=faint, size=size if by == "time" else 1.0)
    axes.set_xlabel({"step": "step", "tokens": "tokens", "time": f"time in training ({unit})"}[by])
    axes.set_ylabel(metric_title(metric))
    if title:
        axes.set_title(shortened(title))
    axes.grid(alpha=0.25, linewidth=0.7)
    axes.spines[["top", "right"]].set_visible(False)
    _scale(axes, log_x=log_x, log_y=log_y, by=by)
    _add_legend(figure, axes, drawn, runs, metrics, outside=many)
    return figure


def save_figure(figure: "Figure", path: Path) -> None:
    """Write a figure to a file, completely or not at all; the same figure gives the same bytes.

    Raises:
        PlotError: the file name does not end in `.png` or `.svg`, or its folder does not exist.
        OSError: the file cannot be written.
    """
    import matplotlib as mpl

    ending = path.suffix.lower()
    if ending not in _FORMATS:
        raise PlotError(f"{path} ends in {ending or 'nothing'!r}: choose one of {', '.join(_FORMATS)}")
    # No date, no version, and (by hashsalt) no random names.
    unvarying = {"Date": None, "Creator": None} if ending == ".svg" else {"Software": None}
    if not path.absolute().parent.is_dir():
        raise PlotError(f"{path.parent} is not a folder: create it first, or choose another folder")
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with mpl.rc_context({"svg.hashsalt": "trainer"}):
            figure.savefig(temporary, format=ending[1:], dpi=150, metadata=unvarying)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _draw(axes: "Axes", curve: Curve, number: int, *, faint: bool, size: float) -> None:
    values = [value for _, value in curve.points]
    colour, dashes = look(number)
    all_marked = len(values) <= _MOST_MARKERS and not faint
    axes.plot(
        [position / size for position, _ in curve.points],
        values,
        color=colour,
        linestyle=dashes,
        linewidth=1.0 if faint else 1.6,
        alpha=0.45 if faint else 1.0,
        marker="o",
        markersize=3,
        markevery=list(range(len(values))) if all_marked else _isolated(values),
        zorder=2 if faint else 3,
    )


def _isolated(values: Sequence[float]) -> list[int]:
    """Return the indices of values between two gaps, to which no line is drawn."""
    gap = [True, *map(math.isnan, values), True]
    return [index for index in range(len(values)) if gap[index] and not gap[index + 1] and gap[index + 2]]


def _scale(axes: "Axes", *, log_x: bool, log_y: bool, by: Axis) -> None:
    from matplotlib.ticker import FuncFormatter, LogFormatter

    class ShortLogFormatter(LogFormatter):
        """Labels the ticks that LogFormatter labels, with plain numbers, since there may be few powers of ten."""

        def __call__(self, x: float, pos: int | None = None) -> str:
            return short_number(x) if super().__call__(x, pos) else ""

    short = FuncFormatter(lambda value, _: short_number(value))
    if log_x:
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(ShortLogFormatter())
    if log_x or by != "time":
        axes.xaxis.set_major_formatter(short)
    if log_y:
        axes.set_yscale("log")
        axes.yaxis.set_minor_formatter(ShortLogFormatter())
    if log_y or max(map(abs, axes.get_ylim())) >= _SHORT_NUMBERS_FROM:
        axes.yaxis.set_major_formatter(short)


def _add_legend(
    figure: "Figure",
    axes: "Axes",
    drawn: Sequence[Curve],
    runs: Sequence[str],
    metrics: Sequence[str],
    *,
    outside: bool,
) -> None:
    """Add a legend of the colours of runs and the line styles of metrics, if there are several."""
    from matplotlib.lines import Line2D

    entries = []
    for number, run in enumerate(runs):
        if len(runs) > 1 and any(curve.run == run for curve in drawn):
            colour, dashes = look(number)
            entries.append(Line2D([], [], color=colour, linestyle=dashes, linewidth=1.6, label=shortened(run)))
    if len(metrics) > 1:
        grey = "#555555" if entries else look(0).colour
        first, *others = (metric_title(metric).partition(" (")[0] for metric in metrics)
        entries.append(Line2D([], [], color=grey, linewidth=1.0, alpha=0.45, label=first))
        entries += [
            Line2D([], [], color=grey, linewidth=1.6, marker="o", markersize=3, label=other) for other in others
        ]
    if entries and outside:
        figure.legend(handles=entries, loc="outside right upper", frameon=False, fontsize=9)
    elif entries:
        axes.legend(handles=entries, frameon=False, fontsize=9)
