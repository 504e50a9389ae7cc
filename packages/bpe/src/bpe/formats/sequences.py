"""The steps of a `tokenizer.json`: a normalizer or a pre-tokenizer is one step, or a Sequence of steps.

    None                                                  no steps
    {"type": "NFC"}                                       one step
    {"type": "Sequence", "normalizers": []}               no steps
    {"type": "Sequence", "normalizers": [A, SEQUENCE]}    A, and the steps of SEQUENCE

A part without steps changes nothing.
"""

from collections.abc import Iterator
from typing import Any

from bpe.formats.parts import TokenizerFileError
from bpe.formats.reading import FilePath, shown


def steps_of(part: Any, name: str, field: str, path: FilePath) -> list[dict[str, Any]]:
    """Return the steps of a part, in order. Each is an object with a type other than "Sequence".

    Args:
        part: what the file has under `name`.
        name: the part, such as "normalizer", for errors.
        field: the field of a Sequence that lists its steps.
        path: the file, for errors.

    Raises:
        TokenizerFileError: a step is not an object, has no type, or is a Sequence without a list of steps.
    """
    return [] if part is None else list(_steps(part, name, field, path))


def _steps(part: Any, name: str, field: str, path: FilePath) -> Iterator[dict[str, Any]]:
    if not isinstance(part, dict) or not isinstance(part.get("type"), str):
        raise TokenizerFileError(f"{path}: its {name} has {shown(part)} where an object with a type is expected")
    if part["type"] != "Sequence":
        yield part
        return
    if not isinstance(part.get(field), list):
        raise TokenizerFileError(f"{path}: a Sequence in its {name} has no list of {field}")
    for step in part[field]:
        yield from _steps(step, name, field, path)
