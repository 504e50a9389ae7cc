"""Configurations from YAML or JSON files and command-line options, and back into files.

Each field of a configuration's dataclasses is a key, such as `training.steps`: in a file it is nested, on the command
line it is the option `--training.steps`. Every mistake is one sentence, and an unknown key is answered with the most
similar known one.
"""

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import yaml

from trainer.config_help import help_text
from trainer.config_values import (
    ConfigDumper,
    ConfigError,
    ConfigLoader,
    check_value,
    field_types,
    is_group,
    nearest_key,
    parse_value,
)

Config = TypeVar("Config")
PathLike = str | os.PathLike[str]
Settings = dict[str, Any]
"""Values of a configuration by their dotted keys."""

_HELP, _PRINT_CONFIG = ("help", "-h"), ("print-config", "print_config")


def parse_config(
    config_class: type[Config],
    arguments: Sequence[str],
    *,
    files: Sequence[PathLike] = (),
    description: str = "",
    examples: Sequence[str] = (),
    options: Mapping[str, str] | None = None,
    flags: Mapping[str, str] | None = None,
    adjust: Callable[[Settings, Settings], Settings] = lambda settings, _: settings,
) -> tuple[Config, dict[str, str | None]]:
    """Read a configuration: the class's defaults, then `files`, then the command line.

    On the command line `--config FILE` and `--group.key VALUE` apply in the order in which they are given. `--group`
    takes a file with that group's keys, or a mapping such as `{steps: 7}`. `--help` prints all options, and
    `--print-config` the configuration that would be used; both exit.

    Args:
        config_class: a dataclass; its fields are nested dataclasses or plain values, all with defaults.
        arguments: the command line, without the program's name.
        files: YAML or JSON files, each overriding the ones before it.
        description: the first line of `--help`.
        examples: command lines for `--help`, without the program's name.
        options: further options that are not part of the configuration, with their help.
        flags: the same, without a value.
        adjust: receives all settings by their dotted keys, and those of them that `--group.key` or `--group` gives;
            returns the settings to use. It is not called for `--help`.

    Returns:
        The configuration, and the value of each of `options` and `flags`: None where it was not given, else what was
        given, and of a flag its name.

    Raises:
        ConfigError: a file is missing or damaged, a key is unknown, or a value has the wrong type.
        ValueError: the configuration's own checks refuse it.
    """
    options, flags = options or {}, flags or {}
    kinds = _key_types(config_class)
    settings: Settings = {}
    chosen: Settings = {}
    for file in files:
        settings |= _read_settings(file, config_class)
    given: dict[str, str | None] = dict.fromkeys((*options, *flags))
    wants_help = wants_config = False
    for name, value in _split(arguments, known={*kinds, *options, "config"}, flags={*flags, *_HELP, *_PRINT_CONFIG}):
        if name in _HELP:
            wants_help = True
        elif name in _PRINT_CONFIG:
            wants_config = True
        elif name in flags:
            given[name] = name
        elif name in options:
            given[name] = value
        elif name == "config":
            settings |= _read_settings(value, config_class)
        elif is_group(kinds[name]):
            chosen |= (group := _read_group(name, value, kinds[name]))
            settings |= group
        else:
            chosen[name] = settings[name] = parse_value(name, value, kinds[name])
    if not wants_help:
        settings = adjust(settings, chosen)
    config = _with_settings(config_class(), settings)
    if wants_help:
        text = help_text(config, description=description, examples=examples, options=options, flags=flags, files=files)
        _print_and_exit(text)
    if wants_config:
        _print_and_exit(_as_yaml(config).rstrip())
    return config, given


def save_config(config: Any, path: PathLike) -> None:
    """Write a configuration, completely or not at all, as a YAML file that `parse_config` reads back."""
    temporary = Path(f"{os.fspath(path)}.tmp")
    temporary.write_text(_as_yaml(config), "utf-8")
    temporary.replace(path)


def config_difference(old: Any, new: Any) -> list[str]:
    """Return the keys in which two configurations differ: `training.steps: 4 before, 8 now`."""
    before, after = (_flat(plain_values(dataclasses.asdict(config))) for config in (old, new))
    return [
        f"{key}: {before.get(key)!r} before, {after.get(key)!r} now"
        for key in {**before, **after}
        if before.get(key) != after.get(key)
    ]


def option_values(arguments: Sequence[str], name: str) -> list[str]:
    """Return the values that `--name VALUE` or `--name=VALUE` gives on a command line, without parsing the rest."""
    with_next = zip_longest(arguments, arguments[1:], fillvalue="")
    return [
        argument.split("=", 1)[1] if "=" in argument else following
        for argument, following in with_next
        if argument == f"--{name}" or argument.startswith(f"--{name}=")
    ]


def plain_values(value: Any) -> Any:
    """Return `value` with tuples as lists, since neither YAML nor JSON has tuples."""
    if isinstance(value, dict):
        return {key: plain_values(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_values(item) for item in value]
    return value


def _split(arguments: Sequence[str], known: set[str], flags: set[str]) -> Iterator[tuple[str, str]]:
    """Yield the name and the value of each option; a flag's value is empty."""
    words = iter(arguments)
    for word in words:
        if not word.startswith("--") and word not in flags:
            raise ConfigError(f"unexpected argument {word!r}: options begin with --, such as --run.seed 1")
        name, has_value, value = word.removeprefix("--").partition("=")
        if name not in known | flags:
            raise ConfigError(f"unknown option --{name}: did you mean --{nearest_key(name, known | flags - {'-h'})}?")
        if name in flags:
            if has_value:
                raise ConfigError(f"--{name} takes no value: give --{name} alone")
            yield name, ""
            continue
        if not has_value:
            value = next(words, "--")
            if value.startswith("--"):
                raise ConfigError(f"--{name} has no value: give --{name} VALUE, or --{name}=VALUE if it begins with --")
        if not value and "." not in name:
            raise ConfigError(f"--{name} has an empty value: give a value after it")
        yield name, value


def _key_types(config_class: type[Any], prefix: str = "") -> dict[str, Any]:
    """Return the type of each key by its dotted name, groups included."""
    types: dict[str, Any] = {}
    for name, kind in field_types(config_class).items():
        types[prefix + name] = kind
        if is_group(kind):
            types |= _key_types(kind, f"{prefix}{name}.")
    return types


def _read_settings(file: PathLike, config_class: type[Any]) -> dict[str, Any]:
    """Return the values in a file by their dotted keys."""
    return _check_mapping(_read_mapping(file), config_class, "", source=f"{os.fspath(file)}: ")


def _read_group(name: str, text: str, kind: Any) -> dict[str, Any]:
    """Return the values of a group by their dotted keys; the text is a mapping, or a file that contains one."""
    try:
        content = yaml.load(text, ConfigLoader)  # noqa: S506 - derived from SafeLoader
    except yaml.YAMLError:
        content = text
    if isinstance(content, dict):
        return _check_mapping(content, kind, f"{name}.", source="")
    if not Path(text).is_file():
        raise ConfigError(f"{name} is {text!r}: give a mapping such as '{{key: value}}', or a file with one")
    return _check_mapping(_read_mapping(text), kind, f"{name}.", source=f"{text}: ")


def _check_mapping(content: Mapping[Any, Any], config_class: type[Any], prefix: str, source: str) -> dict[str, Any]:
    """Return the values of a nested mapping by their dotted keys, each checked against its field's type."""
    kinds, settings = field_types(config_class), dict[str, Any]()
    for name, value in content.items():
        key = f"{prefix}{name}"
        if name not in kinds:
            nearest = nearest_key(key, [prefix + known for known in _key_types(config_class)])
            raise ConfigError(f"{source}unknown key {key}: did you mean {nearest}?")
        if not is_group(kinds[name]):
            settings[key] = check_value(f"{source}{key}", value, kinds[name])
        elif isinstance(value, dict):
            settings |= _check_mapping(value, kinds[name], f"{key}.", source)
        else:
            raise ConfigError(f"{source}{key} is {value!r}: give a mapping of keys to values")
    return settings


def _read_mapping(path: PathLike) -> dict[Any, Any]:
    try:
        content = yaml.load(Path(path).read_text("utf-8"), ConfigLoader)  # noqa: S506 - derived from SafeLoader
    except FileNotFoundError:
        raise ConfigError(f"configuration file {path} does not exist: check its name") from None
    except RecursionError:
        raise ConfigError(f"configuration file {path} is nested too deeply") from None
    except (ValueError, yaml.YAMLError) as error:  # ValueError: not UTF-8, or a date that does not exist
        problem = " ".join(str(error).split())
        raise ConfigError(f"configuration file {path} is neither YAML nor JSON: {problem}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"configuration file {path} must be a mapping of keys to values, such as `model: {{...}}`")
    return content


def _with_settings(config: Any, settings: Mapping[str, Any], prefix: str = "") -> Any:
    """Return a copy of a dataclass with the values that are set by their dotted keys."""
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(config):
        key, current = f"{prefix}{field.name}", getattr(config, field.name)
        if dataclasses.is_dataclass(current):
            changes[field.name] = _with_settings(current, settings, f"{key}.")
        elif key in settings:
            changes[field.name] = settings[key]
    return dataclasses.replace(config, **changes)


def _print_and_exit(text: str) -> NoReturn:
    print(text)  # noqa: T201 - what the user asked for with an option
    raise SystemExit(0)


def _as_yaml(config: Any) -> str:
    values = plain_values(dataclasses.asdict(config))
    return yaml.dump(values, Dumper=ConfigDumper, sort_keys=False, allow_unicode=True)


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat
