"""The content of a report, without its form: `markdown.py` and `web_page.py` write the same content."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from run_page.markup import Html


@dataclass(frozen=True)
class Code:
    """A cell with a text that is shown as it would be typed."""

    text: str


@dataclass(frozen=True)
class Link:
    """A cell that leads to a heading of the page."""

    text: str
    anchor: str


Cell = str | Code | Link


@dataclass(frozen=True)
class Heading:
    """The title of an experiment or a part of the page."""

    text: str
    anchor: str


@dataclass(frozen=True)
class Paragraph:
    """Some sentences."""

    text: str
    kind: Literal["plain", "question", "finding", "note"] = "plain"
    label: str = ""
    """A word that precedes a finding: its verdict."""


@dataclass(frozen=True)
class Grid:
    """A table; the first column names the rows."""

    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""
    stacked: bool = False
    """Whether its rows contain sentences, which on a narrow screen stand below each other."""


@dataclass(frozen=True)
class Picture:
    """A figure: an element for a page; `markdown.py` refers to the file that it becomes."""

    name: str
    """The name of the file without its ending."""
    caption: str
    svg: Html


@dataclass(frozen=True)
class Gallery:
    """Figures side by side where there is space."""

    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Listing:
    """A text of several lines, such as generated text or code and its output."""

    title: str
    text: str


@dataclass(frozen=True)
class Folded:
    """Content that is shown when the reader opens it."""

    summary: str
    blocks: "tuple[Grid | Listing, ...]"


Block = Heading | Paragraph | Grid | Gallery | Listing | Folded


@dataclass(frozen=True)
class Document:
    """A page."""

    title: str
    blocks: Sequence[Block]

    def pictures(self) -> list[Picture]:
        """Return all figures, in the order of the page."""
        return [picture for block in self.blocks if isinstance(block, Gallery) for picture in block.pictures]
