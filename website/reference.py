"""The pages of a package's public names, rendered from their docstrings by mkdocstrings.

Packages load their names when they are first used, so the code of `__init__.py` does not show them. They are read from
`__init__.pyi`, or from `__init__.py` where there is no such file, without importing anything.
"""

import ast
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path("reference")
"""The folder of these pages, below the root of the website."""


@dataclass(frozen=True)
class ReferencePage:
    """The page of one module.

    Attributes:
        module: the module from which the names are imported, such as `nn.accounting`.
        names: where they are defined: `nn.accounting.flops.forward_flops`.
    """

    module: str
    names: tuple[str, ...]

    @property
    def path(self) -> Path:
        """The page's file, below the root of the website."""
        return FOLDER / f"{self.module}.md"

    def markdown(self) -> str:
        """Return the page: the module's docstring, then each name's."""
        module = f"::: {self.module}\n    options:\n      members: false\n      show_root_heading: false\n"
        return "\n".join([f"# `{self.module}`\n", module, *(f"::: {name}\n" for name in self.names)])


def reference_pages(root: Path, package: str) -> tuple[ReferencePage, ...]:
    """Return the pages of a package: its own, and one for each public subpackage, which has an `__init__.pyi`.

    Args:
        root: the root of the repository.
        package: the name of a package in `packages`.
    """
    source = root / "packages" / package / "src"
    stubs = sorted((source / package).rglob("__init__.pyi")) or [source / package / "__init__.py"]
    return tuple(_page(file, ".".join(file.parent.relative_to(source).parts)) for file in stubs)


def _page(file: Path, module: str) -> ReferencePage:
    tree = ast.parse(file.read_text("utf-8"))
    imports = [statement for statement in tree.body if isinstance(statement, ast.ImportFrom)]
    names = (f"{_imported_module(statement, module)}.{name.name}" for statement in imports for name in statement.names)
    return ReferencePage(module, tuple(names))


def _imported_module(statement: ast.ImportFrom, package: str) -> str:
    """Return the full name of the module that `from .module import …` means inside a package."""
    name = statement.module or ""
    if statement.level == 0:
        return name
    parents = package.split(".")[: len(package.split(".")) - statement.level + 1]
    return ".".join([*parents, *([name] if name else [])])
