"""The folder of Markdown from which the generator makes the website."""

import shutil
from pathlib import Path

import yaml

from website.contents import Contents, find_contents
from website.links import SHOWN, relative, resolve, rewrite_links
from website.source_pages import line_anchor, show_file, show_folder, source_page

HERE = Path(__file__).resolve().parent


def stage(root: Path, out: Path) -> Path:
    """Write the pages and the generator's settings.

    Args:
        root: the root of the repository.
        out: the folder for it; a folder `pages` in it is replaced.

    Returns:
        The settings' file. They name the folder `html` in `out` for the finished pages.

    Raises:
        ValueError: a page belongs to no section, has no heading, or has a link that leads to no file.
    """
    contents = find_contents(root)
    pages = out / "pages"
    shutil.rmtree(pages, ignore_errors=True)
    for page in contents.pages:
        text = rewrite_links((root / page).read_text("utf-8"), lambda target, page=page: _place(root, pages, contents, page, target))
        _write(pages / page, text)
    for reference in contents.references:
        _write(pages / reference.path, reference.markdown())
    _write(pages / "style.css", (HERE / "style.css").read_text("utf-8"))
    return _write_settings(root, out, contents)


def _place(root: Path, pages: Path, contents: Contents, page: Path, target: str) -> str:
    """Return where a link's target is on the website, after putting it there if it is not a page of its own."""
    path, fragment = resolve(root, page, target)
    if (root / path).is_dir() and path / "README.md" in contents.pages:
        path = path / "README.md"
    if path in contents.pages:
        return relative(page, path, fragment)
    if (root / path).is_dir():
        _write(pages / source_page(path), show_folder(root, path))
        return relative(page, source_page(path))
    if path.suffix in SHOWN:
        _write(pages / source_page(path), show_file(root, path))
        return relative(page, source_page(path), line_anchor(fragment))
    (pages / path).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(root / path, pages / path)
    return relative(page, path, fragment)


def _write_settings(root: Path, out: Path, contents: Contents) -> Path:
    sources = sorted(str(path) for path in root.glob("packages/*/src"))
    settings = {
        "INHERIT": str(HERE / "settings.yml"),
        "docs_dir": "pages",
        "site_dir": "html",
        "nav": contents.navigation,
        "plugins": {"search": {}, "mkdocstrings": {"handlers": {"python": {"paths": sources}}}},
    }
    _write(out / "mkdocs.yml", yaml.safe_dump(settings, allow_unicode=True, sort_keys=False))
    return out / "mkdocs.yml"


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
