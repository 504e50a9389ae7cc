"""The API reference: a page for each public module, which mkdocstrings fills from the docstrings.

The packages load their names when they are first used, so `__init__.py` does not show them. They are read from
`__init__.pyi`, or from `__init__.py` where there is no such file, without importing anything.
"""

import ast
from pathlib import Path

PACKAGES = ("bpe", "nn", "optim", "trainer")


def reference_pages(root: Path) -> dict[Path, str]:
    """Return the pages of the reference: paths below the root of the website, and their Markdown.

    Each package has a page, and so has each of its public subpackages, which have an `__init__.pyi`.

    Args:
        root: the root of the repository.
    """
    pages = {}
    for package in PACKAGES:
        source = root / "packages" / package / "src"
        for file in sorted((source / package).rglob("__init__.pyi")) or [source / package / "__init__.py"]:
            module = ".".join(file.parent.relative_to(source).parts)
            pages[Path("reference", f"{module}.md")] = _page(module, _imported_names(file))
    return pages


def _imported_names(file: Path) -> list[str]:
    statements = ast.parse(file.read_text("utf-8")).body
    return [name.name for statement in statements if isinstance(statement, ast.ImportFrom) for name in statement.names]


def _page(module: str, names: list[str]) -> str:
    return f"# `{module}`\n\n::: {module}\n    options:\n      members: [{', '.join(names)}]\n"
