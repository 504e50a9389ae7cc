"""What is checked in the finished pages: links and their anchors lead somewhere, and nothing comes from elsewhere."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_LOADED = {"audio": "src", "iframe": "src", "img": "src", "link": "href", "script": "src", "source": "src", "video": "src"}
"""Elements that make a browser load something by itself, and the attribute that says what."""

_NOT_LOADED = {"canonical", "next", "prev"}
"""Kinds of `<link>` that only say how pages belong together."""


@dataclass
class Page(HTMLParser):
    """What a page contains that others refer to, and what it refers to.

    Attributes:
        anchors: the ids of its elements.
        links: the targets of its links.
        loaded: the addresses of all that a browser loads for it.
    """

    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect from an element."""
        values = {name: value for name, value in attrs if value}
        self.anchors.update(value for name, value in values.items() if name in ("id", "name"))
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag in _LOADED and _LOADED[tag] in values and values.get("rel") not in _NOT_LOADED:
            self.loaded.append(values[_LOADED[tag]])


def find_problems(html: Path) -> list[str]:
    """Return what is wrong with the finished pages, a sentence for each problem.

    Args:
        html: the folder of the website.
    """
    pages = {path: _read(path) for path in sorted(html.rglob("*.html")) if path.name != "404.html"}  # one for servers
    return [
        f"{path.relative_to(html).as_posix()} {problem}"
        for path, page in pages.items()
        for problem in _problems_of(path, page, pages)
    ]


def _problems_of(path: Path, page: Page, pages: dict[Path, Page]) -> Iterator[str]:
    for target in dict.fromkeys(page.loaded):
        if urlsplit(target).netloc:
            yield f"loads {target} from another machine"
    for target in dict.fromkeys([*page.links, *page.loaded]):
        parts = urlsplit(target)
        if parts.scheme or parts.netloc:
            continue
        file = Path(os.path.normpath(path.parent / unquote(parts.path))) if parts.path else path
        if not file.exists():
            yield f"refers to {target}, which does not exist"
        elif parts.fragment and file in pages and unquote(parts.fragment) not in pages[file].anchors:
            yield f"refers to {target}, and there is no such anchor on that page"


def _read(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text("utf-8"))
    page.close()
    return page
