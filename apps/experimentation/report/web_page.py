"""A report as one HTML page that needs no other file and no network, on light and dark screens of any width."""

from pathlib import Path

from experimentation.report.document import (
    Block,
    Cell,
    Code,
    Document,
    Folded,
    Gallery,
    Grid,
    Heading,
    Link,
    Listing,
    Paragraph,
)
from run_page.frame import page_of
from run_page.markup import Html, details, element, join, table


def to_html(document: Document) -> str:
    """Return a report as HTML."""
    style = Path(__file__).with_name("style.css").read_text("utf-8")
    content = join(map(_block, document.blocks), "\n")
    return page_of(document.title, element("main", element("h1", document.title), content), style)


def _block(block: Block) -> Html:
    match block:
        case Heading(text, anchor):
            return element("h2", text, id=anchor)
        case Paragraph():
            return _paragraph(block)
        case Grid():
            return _grid(block)
        case Gallery(pictures):
            figures = [element("figure", picture.svg, element("figcaption", picture.caption)) for picture in pictures]
            return element("div", *figures, class_="gallery")
        case Listing(title, text):
            return join([element("h3", title) if title else "", element("pre", text.rstrip())])
        case Folded(summary, blocks):
            return details(summary, *map(_block, blocks))


def _paragraph(paragraph: Paragraph) -> Html:
    if paragraph.kind == "plain":
        return element("p", paragraph.text)
    label = element("b", f"{paragraph.label}.", class_=_class(paragraph.label.lower())) if paragraph.label else ""
    return element("p", label, " " if label else "", paragraph.text, class_=paragraph.kind)


def _grid(grid: Grid) -> Html:
    rows = [[_cell(cell) for cell in row] for row in grid.rows]
    return join(
        [
            element("h3", grid.title) if grid.title and rows else "",
            element("div", table(rows, grid.head), class_="stacked" if grid.stacked else "grid"),
        ]
    )


def _cell(cell: Cell) -> Html:
    match cell:
        case Code(text):
            return element("code", text) if text else Html()
        case Link(text, anchor):
            return element("a", text, href=f"#{anchor}")
        case str():
            return element("span", cell, class_=_class(cell)) if cell in VERDICTS else element("span", cell)


VERDICTS = ("reproduced", "partly reproduced", "not reproduced", "not comparable", "not run")


def _class(verdict: str) -> str:
    return f"verdict {verdict.replace(' ', '-')}"
