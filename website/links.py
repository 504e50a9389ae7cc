"""Links of a page: what they lead to, and where that is on the website.

A page keeps its path on the website, so a link from page to page needs no change. A link to another file leads to a
page that shows this file, or to a copy of it.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path

SHOWN = {"", ".bib", ".cfg", ".ini", ".jsonl", ".py", ".pyi", ".sbatch", ".sh", ".toml", ".txt", ".yaml", ".yml"}
"""Endings of files that have a page of their own; other files are copied, and a browser opens or saves them."""

_CODE = r"^(?P<fence>```+|~~~+).*?^(?P=fence)|(?P<ticks>`+).+?(?P=ticks)"
_LINK = r"(?P<open>\]\()(?P<target>[^)\s]+)(?P<rest>\s+\"[^\"]*\")?\)"
_CODE_OR_LINK = re.compile(f"{_CODE}|{_LINK}", re.DOTALL | re.MULTILINE)


def rewrite_links(text: str, rewrite: Callable[[str], str]) -> str:
    """Return a page with the target of each link replaced, except in code and for addresses on other machines.

    Args:
        text: the page, as Markdown.
        rewrite: returns the new target of a link.
    """

    def replace(match: re.Match[str]) -> str:
        target = match["target"]
        if target is None or is_elsewhere(target):
            return match[0]
        return f"{match['open']}{rewrite(target)}{match['rest'] or ''})"

    return _CODE_OR_LINK.sub(replace, text)


def is_elsewhere(target: str) -> bool:
    """Return whether a link leads to another machine, or to a program: `https://…`, `mailto:…`."""
    return re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:|//", target) is not None


def resolve(root: Path, page: Path, target: str) -> tuple[Path, str]:
    """Return what a link leads to: a path below the root of the repository, and the part after `#`, which may be empty.

    Args:
        root: the root of the repository.
        page: the page with the link, below the root.
        target: the link's target, as written on the page.

    Raises:
        ValueError: there is no such file in the repository.
    """
    name, _, fragment = target.partition("#")
    path = Path(os.path.normpath(page.parent / name)) if name else page
    if path.is_absolute() or ".." in path.parts or not (root / path).exists():
        raise ValueError(f"{page}: the link to {target} leads to no file of the repository")
    return path, fragment


def relative(page: Path, target: Path, fragment: str = "") -> str:
    """Return the link from one path of the website to another, with `#fragment` unless that is empty."""
    link = Path(os.path.relpath(target, page.parent)).as_posix()
    return f"{link}#{fragment}" if fragment else link
