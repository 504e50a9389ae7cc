"""HTML elements. Text becomes HTML only here, where it is escaped."""

import html
import re
from collections.abc import Iterable, Sequence

_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")

_WITHOUT_END = ("input", "meta")


class Html(str):
    """A text that is HTML already."""

    __slots__ = ()


def escape(text: object) -> Html:
    """Return a text as HTML; characters that a page may not contain become U+FFFD."""
    if isinstance(text, Html):
        return text
    return Html(html.escape(_UNPRINTABLE.sub("\ufffd", str(text))))


def element(name: str, /, *children: object, **attributes: str) -> Html:
    """Return an element; the underscore in `class_` is dropped, since `class` is a keyword of Python.

    >>> element("p", "1 < 2, ", element("b", "always"), class_="note")
    '<p class="note">1 &lt; 2, <b>always</b></p>'
    """
    given = "".join(f' {key.rstrip("_")}="{escape(value)}"' for key, value in attributes.items())
    end = "" if name in _WITHOUT_END else f"</{name}>"
    return Html(f"<{name}{given}>{join(children)}{end}")


def join(parts: Iterable[object], between: str = "") -> Html:
    """Return texts and elements one after the other."""
    return Html(between.join(map(escape, parts)))


def section(title: str, *children: object) -> Html:
    """Return a part of the page with a heading; nothing if it has no content."""
    content = join(children)
    return element("section", element("h2", title), content) if content else content


def details(summary: str, *children: object) -> Html:
    """Return content that is folded until the reader opens it."""
    return element("details", element("summary", summary), *children)


def table(rows: Sequence[Sequence[object]], head: Sequence[str] = ()) -> Html:
    """Return a table whose first column names the rows; nothing if there are no rows."""
    if not rows:
        return Html()
    lines = [element("tr", *(element("th", name, scope="col") for name in head))] if head else []
    for first, *others in rows:
        lines.append(element("tr", element("th", first, scope="row"), *(element("td", cell) for cell in others)))
    return element("div", element("table", *lines), class_="wide")
