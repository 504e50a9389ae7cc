"""The curves of a run as SVG for a page that is light or dark: drawn by matplotlib, coloured by the page."""

import io
import math
import re
from typing import Any

import matplotlib as mpl

from run_page.markup import Html, element, join
from trainer import RunDirectory
from trainer.plots import Axis, Curve, draw_curves, read_curves

_INK = "#010203"
"""Text and axes are drawn in this colour, which the page replaces by that of its text."""
_LINE = "#0072b2"
"""The colour of the curves of a single run in trainer.plots, which the page replaces by its own."""
_SETTINGS: dict[Any, Any] = {
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), _INK),
    "svg.fonttype": "none",  # text stays text
    "font.family": "sans-serif",
    "font.size": 9,
}
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
    with mpl.rc_context({**_SETTINGS, "svg.hashsalt": f"{metric} by {by}"}):  # the names in each picture are its own
        figure = draw_curves(found, metric, by, log_y=metric == "loss")
        figure.set_size_inches(*((6.6, 3.5) if metric == "loss" else (3.6, 2.5)))
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    picture = drawn.getvalue()
    picture = picture[picture.index("<svg") :]
    size = re.search(r'viewBox="[^"]*"', picture)
    assert size is not None
    picture = f'<svg {size[0]} role="img" aria-label="{metric} by {by}"{picture[picture.index(">") :]}'
    picture = re.sub(r"<metadata>.*?</metadata>", "", picture, flags=re.DOTALL)
    picture = picture.replace("<g id=", "<g data-part=")  # the names of groups are the same in all pictures
    return Html(picture.replace(_INK, "currentColor").replace(_LINE, "var(--accent)"))
