"""The text of `--help`: usage, examples and groups first, then every key with its value and description."""

import ast
import dataclasses
import inspect
import os
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import yaml

from trainer.config_values import describe_type, field_types

_WIDTH = 100


def help_text(
    config: Any,
    *,
    description: str,
    examples: Sequence[str],
    options: Mapping[str, str],
    flags: Mapping[str, str],
    files: Sequence[str | os.PathLike[str]],
) -> str:
    """Return the help of a command that reads a configuration.

    Args:
        config: the configuration with the values that apply if no option is given.
        description: what the command does.
        examples: command lines, without the program's name.
        options: further options, with their help.
        flags: the same, without a value.
        files: where the values come from.
    """
    program = f"uv run {os.path.relpath(sys.argv[0])}"
    lines = [description, "", f"usage: {program} [--config FILE] [--GROUP.KEY VALUE] ...", ""]
    if examples:
        lines += ["examples:", *(f"  {program} {example}".rstrip() for example in examples), ""]
    lines += ["options:"]
    further = {f"--{name} VALUE": text for name, text in options.items()} | {f"--{n}": t for n, t in flags.items()}
    lines += _table(
        {
            "--config FILE": "Read keys from a YAML or JSON file; later options override earlier ones.",
            **further,
            "--print-config": "Print the configuration that would be used, and exit.",
            "--help": "Print this text, and exit.",
        }
    )
    groups = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    lines += ["", "groups of keys:"]
    lines += _table({name: (type(group).__doc__ or "").splitlines()[0] for name, group in groups.items()})
    source = f" and their values in {', '.join(os.path.relpath(file) for file in files)}" if files else ""
    lines += ["", f"keys{source}:"]
    for name, group in groups.items():
        lines += ["", *_keys(name, group)]
    return "\n".join(lines)


def _table(rows: Mapping[str, str]) -> list[str]:
    """Return names on the left and their texts on the right."""
    width = max(map(len, rows)) + 2
    indent = " " * (2 + width)
    return [
        line
        for name, text in rows.items()
        for line in textwrap.wrap(f"  {name:{width}}{text}", _WIDTH, subsequent_indent=indent, break_long_words=False)
    ]


def _keys(name: str, group: Any) -> Iterator[str]:
    """Yield two or more lines for each key of a group: type and value, then the description."""
    descriptions = field_descriptions(type(group))
    for field, kind in field_types(type(group)).items():
        value = yaml.safe_dump(_listed(getattr(group, field)), default_flow_style=True, width=1000)
        shown = value.removesuffix("\n").removesuffix("\n...")
        yield f"  --{name}.{field} {shown}    ({describe_type(kind)})"
        yield from textwrap.wrap(descriptions.get(field, ""), _WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)


def _listed(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return [_listed(item) for item in value] if isinstance(value, tuple) else value


def field_descriptions(config_class: type[Any]) -> dict[str, str]:
    """Return the docstring under each field of a dataclass, inherited fields included.

    Python does not keep these docstrings, so they are read from the source; without a source there are none.
    """
    descriptions: dict[str, str] = {}
    for cls in reversed(config_class.__mro__[:-1]):
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
        except (OSError, TypeError):
            continue
        body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
        for field, after in pairwise(body):
            match field, after:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    descriptions[name] = " ".join(text.split())
    return descriptions
