"""The settings of a member that does not train, checked as a run's configuration is."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from trainer import parse_config

Settings = TypeVar("Settings")


def read_settings(settings_class: type[Settings], settings: Mapping[str, Any]) -> Settings:
    """Return the settings of a member as the dataclass of its kind.

    Args:
        settings_class: a frozen dataclass whose fields all have defaults.
        settings: values by their keys, with dots for nested dataclasses, as in `configs/experiments`.

    Raises:
        ValueError: a key is unknown, which is answered with the most similar one, or a value is not allowed.

    >>> from nn import ModelConfig
    >>> read_settings(ModelConfig, {"num_layers": 12}).num_layers
    12
    """
    given = [f"--{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in settings.items()]
    config, _ = parse_config(settings_class, given)
    return config
