"""Figures of an experiment: its members by step and by wall clock, and its results against what was varied.

The colours are an ordered series, so that neighbours in a sweep have similar ones; all are readable on white and on
black.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FixedFormatter, FixedLocator, NullLocator

from experimentation.findings import Plot
from experimentation.report.document import Picture
from experimentation.results import MemberResult
from run_page.picture import INK, PICTURE_SETTINGS, inline_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = LinearSegmentedColormap.from_list(
    "members", ["#2f7fd1", "#12968a", "#6f9a1c", "#d08a10", "#d1432f", "#a950b0"]
)
_WIDTH, _HEIGHT = 4.8, 3.2
"""Of a figure without its legend, in inches."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 0.62, 0.12, 0.12, 0.5
"""Margins around the axes, in inches. They are fixed, since the page's font may be another one than matplotlib's."""
_LEGEND_LINE = 0.19
_LEGEND_WIDTH = 62
"""Height of a line of the legend in inches, and its width in characters."""
_LOSS = "validation loss (nats per token)"
_FIRST_DESCENT = 0.1
"""The loss in this first part of a run, where it falls fastest, does not determine the height of the axis."""
_MARGIN = 0.03
"""Below the lowest and above the highest loss, as a share of the axis' height."""
_MOST_TICKS = 9
_TICK_WIDTH = 0.09
"""What the label of a tick takes of the axis' width."""
By = Literal["step", "seconds"]


@dataclass(frozen=True)
class Line:
    """The validation loss of a member with one seed."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    diverged: bool


def curves(experiment: str, title: str, results: Sequence[MemberResult]) -> tuple[Picture, ...]:
    """Return the validation loss of all members by step and by wall clock; nothing if there are no curves.

    Args:
        experiment: the name of the experiment, which the names of the files start with.
        title: its title, for the captions.
        results: its results; those without a curve are not drawn.
    """
    pictures = []
    axes: tuple[tuple[By, str], ...] = (("step", "by step"), ("seconds", "by wall clock"))
    for by, name in axes:
        if lines := _lines(results, by):
            svg = inline_svg(_draw(lines, by), f"{title}: {_LOSS} {name}", f"{experiment} {name}", {})
            pictures.append(Picture(f"{experiment}-{name.replace(' ', '-')}", f"Validation loss {name}", svg))
    return tuple(pictures)


def result_plot(experiment: str, title: str, plot: Plot) -> Picture:
    """Return results against what was varied, with crosses for diverged members."""
    with mpl.rc_context(dict(PICTURE_SETTINGS)):
        figure = Figure()
        axes = figure.add_subplot()
        values = sorted({x for dots in plot.dots for x, _ in dots.points} | set(plot.crosses))
        position = {value: float(number) if plot.scale == "even" else value for number, value in enumerate(values)}
        for colour, dots in zip(_colours(len(plot.dots)), plot.dots, strict=True):
            x, y = [position[x] for x, _ in dots.points], [y for _, y in dots.points]
            axes.plot(x, y, color=colour, marker="o", markersize=4, linewidth=1.4, label=dots.label or None)
        if plot.crosses:
            top = [axes.get_ylim()[1]] * len(plot.crosses)
            red = to_hex(_COLOURS(0.8))
            crosses = [position[value] for value in plot.crosses]
            axes.scatter(crosses, top, marker="x", color=red, s=40, clip_on=False, zorder=4, label="diverged")
        _finish(axes, plot.x, plot.y)
        _scale(axes, plot, position)
        _legend(figure, axes)
    caption = f"{plot.y.partition(' (')[0].capitalize()} by {plot.x.partition(' (')[0]}"
    return Picture(
        f"{experiment}-results", caption, inline_svg(figure, f"{title}: {caption}", f"{experiment} results", {})
    )


def _scale(axes: "Axes", plot: Plot, position: Mapping[float, float]) -> None:
    """Give the horizontal axis its scale, with ticks at the values if they are few."""
    if plot.log_y:
        axes.set_yscale("log")
    if plot.scale == "log":
        axes.set_xscale("log")
    if plot.scale == "even" or (plot.scale == "log" and len(position) <= _MOST_TICKS):
        ticks = _apart(position, logarithmic=plot.scale == "log")
        axes.xaxis.set_major_locator(FixedLocator([position[value] for value in ticks]))
        axes.xaxis.set_major_formatter(FixedFormatter([_short(value) for value in ticks]))
        axes.xaxis.set_minor_locator(NullLocator())


def _apart(position: Mapping[float, float], *, logarithmic: bool) -> list[float]:
    """Return the values whose labels do not overlap those before them.

    >>> _apart({value: value for value in (0.001, 0.01, 0.011, 0.1)}, logarithmic=True)
    [0.001, 0.01, 0.1]
    """
    places = {value: math.log(place) if logarithmic else place for value, place in position.items()}
    least = _TICK_WIDTH * (max(places.values()) - min(places.values()))
    kept: list[float] = []
    for value, place in places.items():
        if not kept or place - places[kept[-1]] >= least:
            kept.append(value)
    return kept


def _short(value: float) -> str:
    """Return a number in few characters.

    >>> [_short(value) for value in (0, 1e-4, 0.003, 0.05, 64, 123_456)]
    ['0', '1e-4', '0.003', '0.05', '64', '123k']
    """
    if value >= 1e4:
        return str(EngFormatter(places=0, sep="")(value))
    if 0 < value < 1e-3:
        return np.format_float_scientific(value, trim="-", exp_digits=1)
    return f"{value:g}"


def _lines(results: Iterable[MemberResult], by: By) -> list[Line]:
    """Return the curves of the results that have one; values that are not finite end it."""
    lines = []
    for result in results:
        curve = result.curves.get("valid_loss")
        if not curve:
            continue
        points = [(x, y) for x, y in zip(curve[by], curve["value"], strict=True) if y is not None and math.isfinite(y)]
        if points:
            x, y = zip(*points, strict=True)
            lines.append(Line(result.name, x, y, result.status == "diverged"))
    return lines


def _draw(lines: Sequence[Line], by: By) -> Figure:
    names = list(dict.fromkeys(line.name for line in lines))
    colour = dict(zip(names, _colours(len(names)), strict=True))
    ceiling = _ceiling(lines)
    unit, size = _time_unit(max(x for line in lines for x in line.x)) if by == "seconds" else ("", 1.0)
    drawn: set[str] = set()
    with mpl.rc_context(dict(PICTURE_SETTINGS)):
        figure = Figure()
        axes = figure.add_subplot()
        for line in lines:
            label = line.name + (" (diverged)" if line.diverged else "")
            x = [position / size for position in line.x]
            y = list(line.y)
            look = "--" if line.diverged else "-"
            axes.plot(x, y, look, color=colour[line.name], linewidth=1.3, label=None if label in drawn else label)
            if line.diverged:
                axes.plot(
                    x[-1:], [min(y[-1], ceiling)], "x", color=colour[line.name], markersize=7, clip_on=False, zorder=4
                )
            drawn.add(label)
        lowest = min(y for line in lines for y in line.y)
        margin = _MARGIN * ((ceiling - lowest) or 1.0)
        axes.set_ylim(lowest - margin, ceiling + margin)
        _finish(axes, f"time in training ({unit})" if unit else "step", _LOSS)
        _legend(figure, axes)
    return figure


def _ceiling(lines: Sequence[Line]) -> float:
    """Return the largest loss after the first descent of the runs that did not diverge; curves are cut off there."""
    steady = [line for line in lines if not line.diverged] or lines
    return max(y for line in steady for x, y in zip(line.x, line.y, strict=True) if x >= _FIRST_DESCENT * line.x[-1])


def _finish(axes: "Axes", x: str, y: str) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(alpha=0.3, linewidth=0.6, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    if axes.get_xlim()[1] >= 10_000:
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))


def _legend(figure: Figure, axes: "Axes") -> None:
    """Add a legend below the axes, in as many columns as its longest entry leaves space for, and set all sizes."""
    handles, labels = axes.get_legend_handles_labels()
    lines = 0
    if handles:
        columns = max(1, min(len(labels), _LEGEND_WIDTH // (7 + max(map(len, labels)))))
        lines = math.ceil(len(labels) / columns)
        figure.legend(handles, labels, loc="lower center", ncols=columns, frameon=False, fontsize=8)
    height = _HEIGHT + lines * _LEGEND_LINE
    figure.set_size_inches(_WIDTH, height)
    figure.subplots_adjust(
        left=_LEFT / _WIDTH,
        right=1 - _RIGHT / _WIDTH,
        bottom=(_BOTTOM + lines * _LEGEND_LINE) / height,
        top=1 - _TOP / height,
    )


def _colours(count: int) -> list[str]:
    return (
        [to_hex(_COLOURS(position)) for position in np.linspace(0, 1, count)] if count > 1 else [to_hex(_COLOURS(0.0))]
    )


def _time_unit(seconds: float) -> tuple[str, float]:
    """Return a suitable unit for a duration, and its length in seconds."""
    for name, size in (("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 3 * size:
            return name, size
    return "seconds", 1.0
