"""Code of the packages, cut out of its file, so that a page shows what is really run.

FILE                                          the whole file, such as configs/tour.yaml
FILE NAME                                     a function, a class or a method, such as nn/layers.py RMSNorm.forward
FILE NAME, without docstring                  the same without its docstring
FILE NAME, from "WORDS" to "WORDS"            the lines from the first that contains the one to the first after it
                                              that contains the other
"""

import ast
import re
from pathlib import Path
from textwrap import dedent

_REQUEST = re.compile(
    r"(?P<file>[^\s,]+)(?: (?P<name>[\w.]+)(?:, (?P<bare>without docstring))?)?"
    r'(?:, from "(?P<first>[^"]+)" to "(?P<last>[^"]+)")?'
)
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def source_of(request: str, root: Path) -> str:
    """Return the lines that a request names, without the indentation that they share.

    Args:
        request: as in the module's docstring.
        root: the folder that the file's path starts from.

    Raises:
        ValueError: the request cannot be read, or the file does not contain what it names.
        OSError: the file cannot be read.
    """
    wanted = _REQUEST.fullmatch(request)
    if wanted is None:
        raise ValueError(
            f'source: {request!r} is not FILE or FILE NAME, with ", without docstring" or ", from "…" to "…""'
        )
    text = (root / wanted["file"]).read_text("utf-8")
    chosen = text.splitlines(keepends=True)
    if wanted["name"]:
        chosen = _definition(text, wanted["name"], wanted["file"], bare=wanted["bare"] is not None)
    if wanted["first"]:
        chosen = _between(chosen, wanted["first"], wanted["last"], request)
    return dedent("".join(chosen))


def _definition(text: str, name: str, file: str, *, bare: bool) -> list[str]:
    """Return the lines of a function, class or method, with its decorators."""
    found = _find(ast.parse(text), name)
    if found is None:
        raise ValueError(f"{file} does not define {name}")
    lines = text.splitlines(keepends=True)
    first = min([found.lineno, *(decorator.lineno for decorator in found.decorator_list)]) - 1
    return _without_docstring(found, lines, first) if bare else lines[first : found.end_lineno]


def _find(tree: ast.Module, name: str) -> _Definition | None:
    """Return the definition with a dotted name."""
    inside: list[ast.stmt] = tree.body
    found: _Definition | None = None
    for part in name.split("."):
        named = (node for node in inside if isinstance(node, _Definition) and node.name == part)
        found = next(named, None)
        if found is None:
            return None
        inside = found.body
    return found


def _without_docstring(found: _Definition, lines: list[str], first: int) -> list[str]:
    if ast.get_docstring(found) is None:
        return lines[first : found.end_lineno]
    docstring = found.body[0]
    kept = lines[docstring.end_lineno : found.end_lineno]
    while kept and kept[0].isspace():
        del kept[0]
    return lines[first : docstring.lineno - 1] + kept


def _between(lines: list[str], first: str, last: str, request: str) -> list[str]:
    begin = next((i for i, line in enumerate(lines) if first in line), None)
    end = None if begin is None else next((i for i, line in enumerate(lines) if i >= begin and last in line), None)
    if begin is None or end is None:
        raise ValueError(f"source: {request}: there are no such lines")
    return lines[begin : end + 1]
