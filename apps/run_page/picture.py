"""Figures of matplotlib as SVG in a page that is light or dark: the page gives them its own colours."""

import io
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import matplotlib as mpl

from run_page.markup import Html, escape

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK = "#010203"
"""Text and axes are drawn in this colour, which becomes that of the page's text."""
PICTURE_SETTINGS: Mapping[Any, Any] = {
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK),
    "svg.fonttype": "none",  # text stays text
    "font.family": "sans-serif",
    "font.size": 9,
}
"""With these settings of matplotlib a figure must be drawn."""


def inline_svg(figure: "Figure", label: str, name: str, colours: Mapping[str, str]) -> Html:
    """Return a figure as an element of a page; the same figure gives the same text.

    Args:
        figure: drawn with `PICTURE_SETTINGS`.
        label: describes it to those who cannot see it.
        name: differs from those of the other figures of the page, since names within it are derived from this one.
        colours: colours of the figure, and what the page replaces them by.
    """
    drawn = io.StringIO()
    with mpl.rc_context({**PICTURE_SETTINGS, "svg.hashsalt": name}):
        figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    picture = drawn.getvalue()
    picture = picture[picture.index("<svg") :]
    size = re.search(r'viewBox="[^"]*"', picture)
    assert size is not None
    picture = f'<svg {size[0]} role="img" aria-label="{escape(label)}"{picture[picture.index(">") :]}'
    picture = re.sub(r"<metadata>.*?</metadata>", "", picture, flags=re.DOTALL)
    picture = picture.replace("<g id=", "<g data-part=")  # the names of groups are the same in all pictures
    for colour, replacement in {INK: "currentColor", **colours}.items():
        picture = picture.replace(colour, replacement)
    return Html(picture)
