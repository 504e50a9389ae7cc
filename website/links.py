"""The links of a Markdown page."""

import os
import re
from collections.abc import Callable
from pathlib import Path

_CODE = r"^ *(?P<fence>```+|~~~+).*?^ *(?P=fence)|(?P<ticks>`+).+?(?P=ticks)"
_LINK = r"\]\((?P<target>[^)\s]+)(?P<title>\s+\"[^\"]*\")?\)"
_CODE_OR_LINK = re.compile(f"{_CODE}|{_LINK}", re.DOTALL | re.MULTILINE)
_ELSEWHERE = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:|//|#")
"""The beginning of a link to another machine, to a program, or within the page: `https:`, `mailto:`, `#heading`."""


def rewrite_links(text: str, rewrite: Callable[[str], str]) -> str:
    """Return a page with the target of each link to a file replaced. What looks like a link in code stays as it is.

    Args:
        text: the page, as Markdown.
        rewrite: returns the new target of a link.
    """

    def replace(match: re.Match[str]) -> str:
        target = match["target"]
        if target is None or _ELSEWHERE.match(target):
            return match[0]
        return f"]({rewrite(target)}{match['title'] or ''})"

    return _CODE_OR_LINK.sub(replace, text)


def resolve(root: Path, page: Path, target: str) -> Path:
    """Return the file or folder that a link leads to, below the root of the repository.

    Args:
        root: the root of the repository.
        page: the page with the link, below the root.
        target: the link's target, as written on the page.

    Raises:
        ValueError: there is no such file or folder in the repository.
    """
    path = Path(os.path.normpath(page.parent / target.partition("#")[0]))
    if path.is_absolute() or ".." in path.parts or not (root / path).exists():
        raise ValueError(f"{page}: the link to {target} leads to nothing in the repository")
    return path
