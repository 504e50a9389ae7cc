"""Reading the YAML files of experiments and scales into dataclasses, with errors of one line."""

import dataclasses
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml


class TableError(ValueError):
    """A file that describes an experiment or a scale is missing or wrong."""


class _Loader(yaml.SafeLoader):
    """YAML in which a key may occur only once in a mapping."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if twice := next((key for key in keys if keys.count(key) > 1), None):
            raise yaml.YAMLError(f"the key {twice} occurs twice in a mapping, {node.start_mark}")
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping in a file.

    Raises:
        TableError: it is missing, damaged, or not a mapping.
    """
    try:
        content = yaml.load(path.read_text("utf-8"), _Loader)  # noqa: S506 - derived from SafeLoader
    except FileNotFoundError:
        raise TableError(f"{path} does not exist: check its name") from None
    except (ValueError, yaml.YAMLError) as error:  # ValueError: not UTF-8
        raise TableError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    return checked_mapping(content, str(path))


def checked_mapping(content: Any, where: str) -> dict[str, Any]:
    """Return a mapping whose keys are texts.

    Args:
        content: what a file contains.
        where: its place, for the message.

    Raises:
        TableError: it is something else; numbers as keys must be quoted, so that `1e-3` keeps its form.
    """
    if not isinstance(content, dict):
        raise TableError(f"{where} is {content!r}: give a mapping of keys to values")
    for key in content:
        if not isinstance(key, str):
            raise TableError(f"{where} has the key {key!r}, which YAML does not read as text: write it in quotes")
    return content


def check_keys(content: Mapping[str, Any], required: Collection[str], optional: Collection[str], where: str) -> None:
    """Check that a mapping has the keys that it must have, and no others.

    Raises:
        TableError: a key is missing or unknown.
    """
    known = [*required, *optional]
    for key in content:
        if key not in known:
            similar = get_close_matches(key, known, n=1)
            hint = f"did you mean {similar[0]}?" if similar else f"choose from {', '.join(known)}"
            raise TableError(f"{where} has the unknown key {key}: {hint}")
    for key in required:
        if key not in content:
            raise TableError(f"{where} has no {key}: add it")


def check_type(value: Any, kind: type | tuple[type, ...], where: str, advice: str) -> None:
    """Check the type of a value; true and false are not numbers.

    Raises:
        TableError: it has another type.
    """
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise TableError(f"{where} is {value!r}: give {advice}")


def optional_fields(cls: type[Any]) -> list[str]:
    """Return the names of a dataclass's fields that have defaults."""
    missing = dataclasses.MISSING
    return [each.name for each in dataclasses.fields(cls) if (each.default, each.default_factory) != (missing, missing)]


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a nested mapping by dotted keys; keys may have dots already.

    >>> flat({"model": {"d_model": 64}, "training.steps": 10})
    {'model.d_model': 64, 'training.steps': 10}
    """
    result: dict[str, Any] = {}
    for key, value in tree.items():
        result |= flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {prefix + key: value}
    return result
