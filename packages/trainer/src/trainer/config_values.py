"""The values of configuration fields, checked against the types that the dataclasses declare.

A value comes from a file, where YAML has given it a type, or as text from the command line. Either way it becomes a
value of the field's type, or an error that names the key, the value, and what is allowed:
`training.steps is 'abc': give a whole number`.
"""

import dataclasses
import difflib
import re
from collections.abc import Iterable
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import yaml


class ConfigError(ValueError):
    """A configuration that cannot be used."""


class ConfigLoader(yaml.SafeLoader):
    """YAML with two changes: `1e-3` is a number, as in YAML 1.2, and a key may occur only once in a mapping."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping as a dictionary.

        Raises:
            yaml.YAMLError: a key occurs twice; YAML itself would silently use the last one.
        """
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if duplicate := next((key for key in keys if keys.count(key) > 1), None):
            raise yaml.YAMLError(f"the key {duplicate} occurs twice in a mapping, {node.start_mark}")
        return super().construct_mapping(node, deep)


class ConfigDumper(yaml.SafeDumper):
    """Writes YAML that `ConfigLoader` reads back: text that looks like a number, such as `1e3`, is quoted."""


for _yaml in (ConfigLoader, ConfigDumper):
    _yaml.add_implicit_resolver(
        "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
    )


def field_types(config_class: type[Any]) -> dict[str, Any]:
    """Return the type of each field of a dataclass."""
    hints = get_type_hints(config_class)
    return {field.name: hints[field.name] for field in dataclasses.fields(config_class)}


def is_group(kind: Any) -> bool:
    """Return whether the values of a type are dataclasses, as those of `training` are."""
    return isinstance(kind, type) and dataclasses.is_dataclass(kind)


def parse_value(key: str, text: str, kind: Any) -> Any:
    """Return the value that a text on the command line stands for.

    Text for a field of type `str` is taken as it is, except that `null` is None where the field allows it, and that
    a list such as `[a.bin, b.bin]` is one where it allows several texts. All other values are read as YAML.

    Raises:
        ConfigError: the text is not a value of the type.
    """
    try:
        value = yaml.load(text, ConfigLoader) if text else ""  # noqa: S506 - derived from SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError):  # ValueError: a date that does not exist
        value = text
    kinds = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    if any(get_origin(choices) is Literal and text in get_args(choices) for choices in kinds):
        return text  # `on` and `off` are choices, not YAML's true and false
    if str in kinds and not (value is None and NoneType in kinds) and not isinstance(value, list):
        value = text
    return check_value(key, value, kind)


def check_value(key: str, value: Any, kind: Any) -> Any:
    """Return a value as one of a type: whole numbers become floats, lists tuples, and mappings dataclasses.

    Raises:
        ConfigError: it cannot.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        for choice in arguments:
            try:
                return check_value(key, value, choice)
            except ConfigError:
                continue
    elif origin is tuple and isinstance(value, list | tuple):
        kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else arguments
        if len(kinds) == len(value):
            items = zip(value, kinds, strict=True)
            return tuple(check_value(f"{key}[{number}]", item, each) for number, (item, each) in enumerate(items))
    elif is_group(kind) and isinstance(value, dict):
        return _make_dataclass(key, value, kind)
    elif kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            pass
    elif type(value) is kind or (origin is Literal and value in arguments):
        return value
    raise ConfigError(f"{key} is {value!r}: {advice(kind)}")


def _make_dataclass(key: str, value: dict[Any, Any], kind: Any) -> Any:
    """Return an entry of a list, such as one of `schedule.segments`, as a dataclass."""
    kinds = field_types(kind)
    required = [field.name for field in dataclasses.fields(kind) if field.default is dataclasses.MISSING]
    for name in value:
        if name not in kinds:
            raise ConfigError(f"{key} has the unknown key {name}: give {', '.join(kinds)}")
    for name in required:
        if name not in value:
            raise ConfigError(f"{key} has no {name}: give {', '.join(required)}")
    return kind(**{name: check_value(f"{key}.{name}", item, kinds[name]) for name, item in value.items()})


def advice(kind: Any) -> str:
    """Return what to do instead of giving a value of another type: `give a whole number`."""
    if get_origin(kind) is Literal:
        return f"choose one of {', '.join(get_args(kind))}"
    return f"give {describe_type(kind)}"


def describe_type(kind: Any) -> str:
    """Return a type in words: `a whole number or null`."""
    *others, last = dict.fromkeys(_alternatives(kind))
    return f"{', '.join(others)} or {last}" if others else last


def _alternatives(kind: Any) -> list[str]:
    """Return in words what a value of a type may be."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return [word for choice in arguments for word in _alternatives(choice)]
    if origin is Literal:
        return list(arguments)
    if origin is tuple:
        number = "" if arguments[-1] is Ellipsis else f"{len(arguments)} "
        return [f"a list of {number}{_PLURALS.get(arguments[0], 'mappings')}"]
    return ["a mapping of keys to values"] if is_group(kind) else _NAMES[kind]


_NAMES = {int: ["a whole number"], float: ["a number"], str: ["text"], bool: ["true", "false"], NoneType: ["null"]}
_PLURALS = {int: "whole numbers", float: "numbers", str: "texts"}


def nearest_key(key: str, known: Iterable[str]) -> str:
    """Return the known key that is most similar to `key`, either as a whole or in its last part."""

    def similarity(candidate: str) -> tuple[float, float]:
        whole = difflib.SequenceMatcher(None, key, candidate).ratio()
        last = difflib.SequenceMatcher(None, key.rpartition(".")[2], candidate.rpartition(".")[2]).ratio()
        return max(whole, last), whole

    return max(sorted(known), key=similarity)
