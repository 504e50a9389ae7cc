"""Which files of the repository are pages, and their order in the navigation."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from website.reference import ReferencePage, reference_pages

Navigation = list["dict[str, str | Navigation]"]
"""Titles with the page or the further entries that they lead to, as in the generator's setting `nav`."""

PACKAGES = ("bpe", "nn", "optim", "trainer")


@dataclass(frozen=True)
class Section:
    """A part of the navigation.

    Attributes:
        title: its name.
        patterns: patterns of paths below the root of the repository, in the order of the pages. A file that several
            patterns match belongs to the first.
    """

    title: str
    patterns: tuple[str, ...]


SECTIONS = (
    Section("Tour", ("docs/tour/README.md", "docs/tour/*.md")),
    Section(
        "Guides",
        ("docs/data.md", "docs/playground.md", "docs/several_machines.md", "docs/leaderboard.md", "docs/*.md"),
    ),
    Section("Experiments", ("docs/results/README.md", "docs/results/*/README.md", "docs/results/**/*.md")),
    Section("Benchmarks", ("docs/benchmarks/README.md", "docs/benchmarks/*.md")),
    Section("Project", ("CONTRIBUTING.md", "CHANGELOG.md")),
)
"""The sections beside the first page and the packages. One without pages is not shown."""


@dataclass(frozen=True)
class Contents:
    """All pages.

    Attributes:
        pages: paths of the Markdown files, below the root of the repository.
        references: the pages of public names, which are made from docstrings.
        navigation: both, as titles and paths.
    """

    pages: tuple[Path, ...]
    references: tuple[ReferencePage, ...]
    navigation: Navigation


def find_contents(root: Path) -> Contents:
    """Return the pages of a repository.

    Args:
        root: the root of the repository.

    Raises:
        ValueError: a Markdown file in `docs` belongs to no section, or a page does not begin with a heading.
    """
    home = Path("README.md")
    sections = [(section.title, _pages(root, section.patterns)) for section in SECTIONS]
    overviews = {package: Path("packages", package, "README.md") for package in PACKAGES}
    references = {package: reference_pages(root, package) for package in PACKAGES}
    pages = (home, *overviews.values(), *(page for _, found in sections for page in found))
    _check_complete(root, pages)

    navigation: Navigation = [{"Start": home.as_posix()}]
    for title, found in sections:
        if title == "Benchmarks":  # the packages come after what is done with them
            navigation.append({"Packages": [_package(root, name, overviews[name], references[name]) for name in PACKAGES]})
        if found:
            navigation.append({title: [{_title(root / page): page.as_posix()} for page in found]})
    return Contents(pages, tuple(page for package in PACKAGES for page in references[package]), navigation)


def first_heading(text: str) -> str:
    """Return the first heading of a page, without markup. It is empty if the page does not begin with one."""
    visible = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL).lstrip()
    heading = re.match(r"# +(.+)", visible)
    return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading[1]).replace("`", "").strip() if heading else ""


def _pages(root: Path, patterns: Sequence[str]) -> list[Path]:
    found = (path.relative_to(root) for pattern in patterns for path in sorted(root.glob(pattern)))
    return list(dict.fromkeys(found))


def _check_complete(root: Path, pages: Sequence[Path]) -> None:
    forgotten = {path.relative_to(root) for path in root.glob("docs/**/*.md")} - set(pages)
    if forgotten:
        names = ", ".join(sorted(path.as_posix() for path in forgotten))
        raise ValueError(f"{names} belongs to no section: add a pattern to SECTIONS in website/contents.py")


def _package(root: Path, name: str, overview: Path, references: Sequence[ReferencePage]) -> dict[str, str | Navigation]:
    entries: Navigation = [{"Overview": overview.as_posix()}]
    entries += [{page.module: page.path.as_posix()} for page in references]
    return {name: entries}


def _title(page: Path) -> str:
    title = first_heading(page.read_text("utf-8"))
    if not title:
        raise ValueError(f"{page} does not begin with a heading: its title in the navigation is its first line, `# …`")
    return title
