"""Pages that show a file or a folder of the repository which is not a page itself, such as a module."""

import re
from pathlib import Path

FOLDER = Path("source")
"""The folder of these pages, below the root of the website."""

_LANGUAGES = {".py": "python", ".pyi": "python", ".sbatch": "bash", ".sh": "bash", ".toml": "toml"} | dict.fromkeys(
    (".yaml", ".yml"), "yaml"
)


def source_page(path: Path) -> Path:
    """Return the page that shows a file or folder, below the root of the website."""
    return FOLDER / path.parent / f"{path.name}.md"


def show_file(root: Path, path: Path) -> str:
    """Return the page of a text file, as Markdown.

    Args:
        root: the root of the repository.
        path: the file, below the root.
    """
    text = (root / path).read_text("utf-8")
    fence = "`" * max(3, 1 + max((len(ticks) for ticks in re.findall(r"`+", text)), default=0))
    return f"# `{path.as_posix()}`\n\n{fence}{_LANGUAGES.get(path.suffix, 'text')}\n{text.rstrip()}\n{fence}\n"


def show_folder(root: Path, path: Path) -> str:
    """Return the page of a folder, as Markdown: the names in it, without those that are hidden or made by tools."""
    names = sorted(
        f"{child.name}/" if child.is_dir() else child.name
        for child in (root / path).iterdir()
        if not child.name.startswith((".", "__pycache__"))
    )
    return "\n".join([f"# `{path.as_posix()}/`", "", *(f"- `{name}`" for name in names), ""])


def line_anchor(fragment: str) -> str:
    """Return the anchor on the page of a file for `L10` or `L10-L20`, the anchors of a git host."""
    first = re.match(r"L(\d+)", fragment)
    return f"__codelineno-0-{first[1]}" if first else ""
