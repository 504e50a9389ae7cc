"""Configurations from YAML or JSON files and dotted command-line options, and back into files.

The parser is jsonargparse's, built from the dataclass itself: each field is an option. What is added here: every
mistake is one sentence, and an unknown key is answered with the nearest known one.
"""

import dataclasses
import difflib
import glob
import os
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import yaml
from jsonargparse import ActionConfigFile, ArgumentError, ArgumentParser

Config = TypeVar("Config")


class ConfigError(ValueError):
    """A configuration that cannot be used."""


def parse_config(
    config_class: type[Config],
    arguments: Sequence[str],
    *,
    files: Sequence[str | os.PathLike[str]] = (),
    description: str = "",
    options: Mapping[str, str] | None = None,
    flags: Mapping[str, str] | None = None,
) -> tuple[Config, dict[str, str | None]]:
    """Read a configuration: the class's defaults, then `files`, then the command line.

    On the command line `--config FILE` and `--group.key value` count in the order in which they stand. `--print-config`
    prints the configuration that would be used, and leaves.

    Args:
        config_class: a dataclass; its fields are nested dataclasses or plain values.
        arguments: the command line, without the program's name.
        files: YAML or JSON files, each overriding the ones before it.
        description: what `--help` says first.
        options: further options that have no place in the configuration, with their help.
        flags: the same, without a value.

    Returns:
        The configuration, and the value of each of `options` and `flags`: None where it was not given, else what was
        given, and of a flag its name.

    Raises:
        ConfigError: a file is missing or damaged, a key is unknown, or a value has the wrong type.
        ValueError: the configuration's own checks refuse it.
    """
    options, flags = options or {}, flags or {}
    arguments = ["--print_config" if word == "--print-config" else word for word in arguments]
    _check_options(arguments, {*dotted_keys(config_class), *options, *flags, "config", "help", "print_config"})
    for name in ("config", *options):
        if "" in option_values(arguments, name):
            raise ConfigError(f"--{name} stands without a value: give one after it")
    for file in [*files, *option_values(arguments, "config")]:
        _check_keys(_read_mapping(file), config_class, file)

    parser = ArgumentParser(
        exit_on_error=False,
        description=description,
        default_config_files=[glob.escape(os.fspath(file)) for file in files],
    )
    parser.add_argument("--config", action=ActionConfigFile, help="A YAML or JSON file with any of the keys below.")
    for name, text in options.items():
        parser.add_argument(f"--{name}", dest=_attribute(name), type=str, help=text)
    for name, text in flags.items():
        parser.add_argument(f"--{name}", dest=_attribute(name), action="store_const", const=name, help=text)
    parser.add_class_arguments(config_class)
    try:
        values = parser.instantiate(parser.parse_args(list(arguments)))
    except ArgumentError as error:
        raise ConfigError(" ".join(str(error).split())) from None
    fields = {field.name: values[field.name] for field in dataclasses.fields(config_class)}  # type: ignore[arg-type]
    return config_class(**fields), {name: values[_attribute(name)] for name in (*options, *flags)}


def _attribute(option: str) -> str:
    return option.replace("-", "_")


def save_config(config: Any, path: str | os.PathLike[str]) -> None:
    """Write a configuration as a YAML file, whole or not at all, that `parse_config` reads back to an equal one."""
    text = yaml.safe_dump(plain_values(dataclasses.asdict(config)), sort_keys=False, allow_unicode=True)
    temporary = Path(f"{os.fspath(path)}.tmp")
    temporary.write_text(text, "utf-8")
    temporary.replace(path)


def config_difference(old: Any, new: Any) -> list[str]:
    """Say in which keys two configurations differ: `training.steps: 4 before, 8 now`."""
    before, after = (_flat(plain_values(dataclasses.asdict(config))) for config in (old, new))
    return [
        f"{key}: {before.get(key)!r} before, {after.get(key)!r} now"
        for key in {**before, **after}
        if before.get(key) != after.get(key)
    ]


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat


def dotted_keys(config_class: type[Any], prefix: str = "") -> list[str]:
    """Return the dotted name of every field, groups included."""
    keys = []
    for name, kind in _fields(config_class).items():
        keys.append(prefix + name)
        if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            keys += dotted_keys(kind, f"{prefix}{name}.")
    return keys


def _fields(config_class: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(config_class)
    return {field.name: hints[field.name] for field in dataclasses.fields(config_class)}


def _nearest(key: str, known: Iterable[str]) -> str:
    """Return the known key that looks most like `key`: as a whole, or in its last part wherever that stands."""

    def likeness(candidate: str) -> tuple[float, float]:
        whole = difflib.SequenceMatcher(None, key, candidate).ratio()
        last = difflib.SequenceMatcher(None, key.rpartition(".")[2], candidate.rpartition(".")[2]).ratio()
        return max(whole, last), whole

    return max(sorted(known), key=likeness)


def _check_options(arguments: Sequence[str], known: set[str]) -> None:
    for argument in arguments:
        name = argument[2:].split("=")[0]
        # Behind a whole option such as --model.norm.help there is jsonargparse's own; it answers for itself.
        if argument.startswith("--") and name not in known and not name.endswith(".help"):
            raise ConfigError(f"unknown option --{name}: did you mean --{_nearest(name, known)}?")


def option_values(arguments: Sequence[str], name: str) -> list[str]:
    """Return the values that `--name VALUE` or `--name=VALUE` gives on a command line, without parsing the rest."""
    with_next = zip_longest(arguments, arguments[1:], fillvalue="")
    return [
        argument.split("=", 1)[1] if "=" in argument else following
        for argument, following in with_next
        if argument == f"--{name}" or argument.startswith(f"--{name}=")
    ]


class _UniqueKeys(yaml.SafeLoader):
    """Refuses a key that stands twice in a mapping, of which YAML would take the last without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Make a dictionary of the mapping's keys and values."""
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if twice := next((key for key in keys if keys.count(key) > 1), None):
            raise yaml.YAMLError(f"the key {twice} stands twice in a mapping, {node.start_mark}")
        return super().construct_mapping(node, deep)


def _read_mapping(path: str | os.PathLike[str]) -> dict[str, Any]:
    try:
        content = yaml.load(Path(path).read_text("utf-8"), _UniqueKeys)  # noqa: S506 a SafeLoader
    except FileNotFoundError:
        raise ConfigError(f"configuration file {path} does not exist: check its name") from None
    except RecursionError:
        raise ConfigError(f"configuration file {path} is nested too deeply") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        problem = " ".join(str(error).split())
        raise ConfigError(f"configuration file {path} is neither YAML nor JSON: {problem}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"configuration file {path} must be a mapping of keys to values, such as `model: {{...}}`")
    return content


def _check_keys(
    content: Mapping[str, Any], config_class: type[Any], path: str | os.PathLike[str], prefix: str = ""
) -> None:
    fields = _fields(config_class)
    for key, value in content.items():
        if key not in fields:
            nearest = _nearest(f"{prefix}{key}", [prefix + known for known in dotted_keys(config_class)])
            raise ConfigError(f"{path}: unknown key {prefix}{key}: did you mean {nearest}?")
        if dataclasses.is_dataclass(fields[key]):
            if not isinstance(value, dict):
                raise ConfigError(f"{path}: {prefix}{key} is {value!r}, but it must be a mapping of keys to values")
            _check_keys(value, fields[key], path, f"{prefix}{key}.")


def plain_values(value: Any) -> Any:
    """Return `value` with tuples as lists, since neither YAML nor JSON knows tuples."""
    if isinstance(value, dict):
        return {key: plain_values(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_values(item) for item in value]
    return value
