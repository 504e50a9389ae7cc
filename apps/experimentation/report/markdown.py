"""A report as a page of Markdown with its figures as files beside it."""

import re
from collections.abc import Sequence

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
from run_page.markup import Html, escape

_SPECIAL = re.compile(r"([\\`*_\[\]|~])")
_LINE_BREAKS = re.compile(r"\s*\n\s*")
_PAPER, _INK = "#ffffff", "#1a1d21"


def to_markdown(document: Document) -> str:
    """Return a report as Markdown; its figures are expected as `NAME.svg` in the same folder."""
    blocks = [f"# {_text(document.title)}", *(text for block in document.blocks if (text := _block(block)))]
    return "\n\n".join(blocks) + "\n"


def standalone_svg(svg: Html) -> str:
    """Return a figure as a file: on white, since a page that shows it cannot give it colours."""
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    assert size is not None
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    head, body = svg.split(">", 1)
    head = head.replace("<svg", f'<svg {names} width="{size[1]}" height="{size[2]}"', 1)
    paper = f'<rect width="100%" height="100%" fill="{_PAPER}"/>'
    return f"{head}>\n {paper}{body}".replace("currentColor", _INK).rstrip() + "\n"


def _block(block: Block) -> str:
    match block:
        case Heading(text, anchor):
            return f'<a id="{anchor}"></a>\n\n## {_text(text)}'
        case Paragraph():
            return _paragraph(block)
        case Grid():
            return _grid(block)
        case Gallery(pictures):
            return "\n".join(f"![{_text(picture.caption)}]({picture.name}.svg)" for picture in pictures)
        case Listing():
            return _listing(block)
        case Folded(summary, blocks):
            return "\n\n".join([f"<details><summary>{escape(summary)}</summary>", *map(_block, blocks), "</details>"])


def _paragraph(paragraph: Paragraph) -> str:
    text = _text(paragraph.text)
    if paragraph.kind == "finding":
        return f"> **{_text(paragraph.label)}.** {text}"
    return f"_{text}_" if paragraph.kind in ("question", "note") else text


def _grid(grid: Grid) -> str:
    if not grid.rows:
        return ""
    lines: list[Sequence[str]] = [[_text(name) for name in grid.head], ["---"] * len(grid.head)]
    lines += [[_cell(cell) for cell in row] for row in grid.rows]
    title = [f"**{_text(grid.title)}**", ""] if grid.title else []
    return "\n".join([*title, *("| " + " | ".join(line) + " |" for line in lines)])


def _cell(cell: Cell) -> str:
    match cell:
        case Code(text):
            return _code(text)
        case Link(text, anchor):
            return f"[{_text(text)}](#{anchor})"
        case str():
            return _text(cell)


def _code(text: str) -> str:
    """Return a text in backticks, more than it contains in a row; a table needs its vertical bars escaped."""
    if not text:
        return ""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    space = " " if text.startswith("`") or text.endswith("`") else ""
    one_line = _LINE_BREAKS.sub(" ", text).replace("|", "\\|")
    return f"{fence}{space}{one_line}{space}{fence}"


def _listing(listing: Listing) -> str:
    """Return a text between fences that are longer than any within it."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", listing.text)), default=0))
    title = f"{_text(listing.title)}:\n\n" if listing.title else ""
    return f"{title}{fence}text\n{_visible(listing.text).rstrip()}\n{fence}"


def _text(text: str) -> str:
    """Return a text on one line, in which nothing is read as Markdown or HTML."""
    plain = _LINE_BREAKS.sub(" ", _visible(text))
    return _SPECIAL.sub(r"\\\1", plain).replace("<", "&lt;")


def _visible(text: str) -> str:
    """Return a text with control characters replaced."""
    return "".join(character if character in "\n\t" or character.isprintable() else "\ufffd" for character in text)
