"""The configuration of a run: first what differs from the defaults, then all of it."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import yaml

from run_page.markup import Html, details, element, join, table
from text_config import TextRunConfig


def configuration(config: TextRunConfig, text: str) -> Html:
    """Return the configuration as HTML.

    Args:
        config: the configuration.
        text: its file, which is shown folded.
    """
    defaults = dict(_keys(TextRunConfig()))
    rows = [
        (key, element("code", _shown(value)), element("code", _shown(defaults[key])))
        for key, value in _keys(config)
        if value != defaults[key]
    ]
    differing = table(rows, head=("key", "this run", "default"))
    return join([differing, details("All keys", element("pre", text))])


def _keys(config: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted name and the value of each key."""
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            yield from _keys(value, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", value


def _shown(value: Any) -> str:
    """Return a value as YAML, on one line."""
    plain = [dataclasses.asdict(item) if dataclasses.is_dataclass(item) and not isinstance(item, type) else item
             for item in value] if isinstance(value, tuple) else value  # fmt: skip
    dumped = yaml.safe_dump(plain, default_flow_style=True, allow_unicode=True, width=10_000)
    return dumped.removesuffix("\n").removesuffix("\n...")
