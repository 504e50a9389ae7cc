"""What mkdocstrings has to know about our docstrings: an extension of Griffe, with which it reads them."""

import re
from typing import Any

from griffe import Extension, Object

_DOCTEST = re.compile(r"^ {0,3}>>> .*(?:\n.*\S.*)*", re.MULTILINE)
"""An example with its result, up to the next empty line. Examples that are indented further are code already."""


class MarkdownDocstrings(Extension):
    """Makes Markdown of docstrings: examples become code, and `::` before code one colon."""

    def on_instance(self, *, obj: Object, **_: Any) -> None:
        """Change the docstring of a module, a class, a function or an attribute."""
        if obj.docstring:
            obj.docstring.value = to_markdown(obj.docstring.value)


def to_markdown(docstring: str) -> str:
    """Return a docstring, without its indentation, as Markdown."""
    return _DOCTEST.sub(r"```pycon\n\g<0>\n```", re.sub(r"::$", ":", docstring, flags=re.MULTILINE))
