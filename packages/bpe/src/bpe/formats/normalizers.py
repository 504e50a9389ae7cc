"""The normalizer in a `tokenizer.json`: how a text is changed before it is split."""

from collections.abc import Sequence
from typing import Any

import regex

from bpe.formats.parts import TokenizerFileError
from bpe.formats.portable_patterns import check_portable_pattern
from bpe.formats.reading import FilePath, refuse, shown
from bpe.formats.sequences import steps_of
from bpe.normalizers import Lowercase, Prepend, Replace, Step, Strip, UnicodeForm

_MAX_TEXT_LENGTH = 256  # characters that a step may insert


def normalizer_to_json(steps: Sequence[Step]) -> dict[str, Any] | None:
    """Return the normalizer that applies the steps."""
    if not steps:
        return None
    written = [_step_to_json(step) for step in steps]
    return written[0] if len(written) == 1 else {"type": "Sequence", "normalizers": written}


def _step_to_json(step: Step) -> dict[str, Any]:
    match step:
        case UnicodeForm(form):
            return {"type": form}
        case Lowercase():
            return {"type": "Lowercase"}
        case Strip(left, right):
            return {"type": "Strip", "strip_left": left, "strip_right": right}
        case Prepend(prefix):
            return {"type": "Prepend", "prepend": prefix}
        case Replace(pattern, content, is_regex):
            return {"type": "Replace", "pattern": {"Regex" if is_regex else "String": pattern}, "content": content}


def normalizer_from_json(part: Any, path: FilePath) -> tuple[Step, ...]:
    """Return the steps of a normalizer.

    Raises:
        TokenizerFileError: a step is malformed, or of a type that this package does not have.
    """
    steps = steps_of(part, "normalizer", "normalizers", path)
    return tuple(_step_from_json(step, path) for step in steps)


def _step_from_json(step: dict[str, Any], path: FilePath) -> Step:
    match step:
        case {"type": "NFC" | "NFD" | "NFKC" | "NFKD" as form}:
            return UnicodeForm(form)
        case {"type": "Lowercase"}:
            return Lowercase()
        case {"type": "Strip", "strip_left": bool(left), "strip_right": bool(right)}:
            return Strip(left, right)
        case {"type": "Prepend", "prepend": str(prefix)}:
            return Prepend(_checked(prefix, path))
        case {"type": "Replace", "pattern": {"String": str(pattern), **rest}, "content": str(content)} if not rest:
            if not pattern:
                raise TokenizerFileError(f"{path}: a Replace in its normalizer replaces the empty string")
            return Replace(pattern, _checked(content, path))
        case {"type": "Replace", "pattern": {"Regex": str(pattern), **rest}, "content": str(content)} if not rest:
            return Replace(_checked_regex(pattern, path), _checked(content, path), is_regex=True)
        case {"type": "Strip" | "Prepend" | "Replace" as name}:
            raise TokenizerFileError(f"{path}: its normalizer has a {name} with missing or wrong fields: {shown(step)}")
    refuse(True, path, f"its normalizer has a step of type {shown(step['type'])}")
    raise AssertionError("refuse raises")


def _checked(text: str, path: FilePath) -> str:
    if len(text) > _MAX_TEXT_LENGTH:
        raise TokenizerFileError(
            f"{path}: its normalizer inserts {len(text)} characters at a time, at most {_MAX_TEXT_LENGTH} are allowed"
        )
    return text


def _checked_regex(pattern: str, path: FilePath) -> str:
    try:
        check_portable_pattern(pattern)
        regex.compile(pattern)
    except (ValueError, regex.error) as error:
        raise TokenizerFileError(f"{path}: a Replace in its normalizer cannot be used: {error}") from None
    return pattern
