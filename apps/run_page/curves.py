"""The curves of a run as SVG for a page that is light or dark: drawn by matplotlib, coloured by the page."""

import math

import matplotlib as mpl

from run_page.markup import Html, element, join
from run_page.picture import PICTURE_SETTINGS, inline_svg
from trainer import RunDirectory
from trainer.plots import Axis, Curve, draw_curves, read_curves

_LINE = "#0072b2"
"""The colour of the curves of a single run in trainer.plots, which the page replaces by its own."""
_AXES: dict[Axis, str] = {"step": "by step", "tokens": "by tokens", "time": "by time"}
_FURTHER = ("learning_rate", "grad_norm", "tokens_per_second")


def curves(run: RunDirectory) -> Html:
    """Return the curves of loss, by step, tokens and time, and of the learning rate, gradient norm and speed."""
    losses = {title: figure for by, title in _AXES.items() if (figure := _curve(run, "loss", by))}
    others = [figure for name in _FURTHER if (figure := _curve(run, name, "step"))]
    return join([_switched(losses), element("div", *others, class_="charts")] if losses or others else [])


def _switched(figures: dict[str, Html]) -> Html:
    """Return figures of which one is shown, chosen with radio buttons: the style sheet hides the others."""
    parts: list[Html] = []
    for number, (title, figure) in enumerate(figures.items()):
        checked = {} if parts else {"checked": ""}
        parts.append(element("input", type="radio", name="axis", id=f"axis{number}", **checked))
        parts += [element("label", title, for_=f"axis{number}"), figure]
    return element("div", *parts, class_="switched")


def _curve(run: RunDirectory, metric: str, by: Axis) -> Html | None:
    """Return the curves of a metric; None if there is no point to draw."""
    found = [curve for curve in read_curves([run], metric, by) if any(math.isfinite(y) for _, y in curve.points)]
    return element("figure", _svg(found, metric, by)) if found else None


def _svg(found: list[Curve], metric: str, by: Axis) -> Html:
    with mpl.rc_context(dict(PICTURE_SETTINGS)):
        figure = draw_curves(found, metric, by, log_y=metric == "loss")
    figure.set_size_inches(*((6.6, 3.5) if metric == "loss" else (3.6, 2.5)))
    name = f"{metric} by {by}"
    return inline_svg(figure, name, name, {_LINE: "var(--accent)"})
