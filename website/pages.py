"""The pages of the website, and the folder with all of them.

A page has the same path below the root of the website as in the repository, so a link from page to page needs no
change. A link to a text file, such as a module, leads to a page that shows it, and a link to a folder to a page that
lists its text files; any other file is copied.
"""

import re
import shutil
from pathlib import Path

from website.links import resolve, rewrite_links
from website.reference import reference_pages

PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "packages/*/README.md", "docs/**/*.md")
"""Patterns of paths below the root of the repository."""

HERE = Path(__file__).resolve().parent
LANGUAGES = {
    ".py": "python",
    ".sbatch": "bash",
    ".toml": "toml",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".txt": "text",
    "": "text",
}
"""Endings of the files that have a page of their own, and how Pygments calls their language."""


def write_pages(root: Path, out: Path) -> None:
    """Write the pages, with all files that they link to.

    Args:
        root: the root of the repository.
        out: the folder for the pages, which is replaced.

    Raises:
        ValueError: a link leads to nothing in the repository.
    """
    shutil.rmtree(out, ignore_errors=True)
    pages = {path.relative_to(root) for pattern in PAGES for path in root.glob(pattern)}
    for page in sorted(pages):

        def rewrite(target: str, page: Path = page) -> str:
            path = resolve(root, page, target)
            return target if path in pages else _add(root, out, path, target.partition("#")[0])

        _write(out / page, rewrite_links((root / page).read_text("utf-8"), rewrite))
    for page, text in reference_pages(root).items():
        _write(out / page, text)
    shutil.copyfile(HERE / "navigation.yml", out / ".nav.yml")
    shutil.copyfile(HERE / "style.css", out / "style.css")


def _add(root: Path, out: Path, path: Path, target: str) -> str:
    """Add a file or a folder that is no page to the website, and return the target of the link to it."""
    if (root / path).is_dir():
        files = sorted(file.name for file in (root / path).iterdir() if file.suffix in LANGUAGES and file.is_file())
        links = (f"- [{name}]({_add(root, out, path / name, name)})" for name in files)
        _write(out / path / "files.md", "\n".join([f"# `{path.as_posix()}/`", "", *links, ""]))
        return f"{target.rstrip('/')}/files.md"
    if path.suffix in LANGUAGES:
        _write(out / f"{path}.md", _show(path, (root / path).read_text("utf-8")))
        return f"{target}.md"
    (out / path).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(root / path, out / path)
    return target


def _show(path: Path, text: str) -> str:
    """Return the page of a text file. The search does not find it: it would find everything twice."""
    fence = "`" * max(3, 1 + max((len(ticks) for ticks in re.findall("`+", text)), default=0))
    title = f"---\nsearch:\n  exclude: true\n---\n\n# `{path.as_posix()}`"
    return f"{title}\n\n{fence}{LANGUAGES[path.suffix]}\n{text.rstrip()}\n{fence}\n"


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
