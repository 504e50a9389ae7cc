"""The split pattern in a `tokenizer.json`: the part named `pre_tokenizer`."""

from typing import Any

import regex

from bpe.formats.parts import TokenizerFileError
from bpe.formats.portable_patterns import check_portable_pattern
from bpe.formats.reading import FilePath, refuse, shown
from bpe.formats.sequences import steps_of
from bpe.patterns import PATTERNS

_WHOLE_TEXT = r"[\s\S]+"
_OTHER_SPELLINGS = {  # the form of GPT-2's pattern that was published first
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+": PATTERNS["gpt2"],
}


def pattern_to_json(pattern: str) -> dict[str, Any]:
    """Return the pre-tokenizer that splits by `pattern`.

    Raises:
        ValueError: the `tokenizers` library may interpret the pattern differently.
    """
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False}
    if pattern == PATTERNS["gpt2"]:  # which is built into ByteLevel
        return byte_level | {"use_regex": True}
    check_portable_pattern(pattern)
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    return {"type": "Sequence", "pretokenizers": [split, byte_level | {"use_regex": False}]}


def pattern_from_json(pre_tokenizer: Any, path: FilePath) -> str:
    """Return the pattern that splits as the pre-tokenizer does.

    Its steps are ByteLevel alone, with GPT-2's pattern built in or (`use_regex` false) without a pattern, or a Split
    followed by ByteLevel. `trim_offsets` affects positions, not ids.

    Raises:
        TokenizerFileError: the pre-tokenizer does something else. The error names the step.
    """
    steps = steps_of(pre_tokenizer, "pre_tokenizer", "pretokenizers", path)
    obstacle = _obstacle(steps)
    refuse(obstacle is not None, path, f"its pre_tokenizer {obstacle}")
    use_regex = steps[-1].get("use_regex", True)
    if len(steps) == 1:
        return PATTERNS["gpt2"] if use_regex else _WHOLE_TEXT
    split = steps[0]
    pattern = _split_pattern(split.get("pattern"), path)
    # With "Isolated" all pieces are kept, whether they match or not, so `invert` has no effect. With "Removed" what
    # does not match is dropped, but the named patterns match every character.
    is_exact = split["behavior"] == "Isolated" or pattern in PATTERNS.values()
    refuse(not is_exact, path, f"its pre_tokenizer {_split_with(split)} and a pattern that may not match everything")
    return pattern


def _obstacle(steps: list[dict[str, Any]]) -> str | None:
    """Return what in the steps cannot be reproduced exactly, whatever the pattern of the Split is; None if nothing."""
    for step in steps:
        if step["type"] not in ("Split", "ByteLevel"):
            return f"has a step of type {shown(step['type'])}"
    if not steps or steps[-1]["type"] != "ByteLevel":
        return "does not end with ByteLevel"
    *splits, byte_level = steps
    if len(splits) > 1 or any(step["type"] == "ByteLevel" for step in splits):
        return f"splits in {len(steps)} steps ({', '.join(step['type'] for step in steps)})"
    if byte_level.get("add_prefix_space") is not False:
        return f"has a ByteLevel with add_prefix_space = {shown(byte_level.get('add_prefix_space', True))}"
    if not isinstance(byte_level.get("use_regex", True), bool):
        return f"has a ByteLevel with use_regex = {shown(byte_level['use_regex'])}"
    if splits and byte_level.get("use_regex", True):
        return "has a Split and a ByteLevel with use_regex = true, which splits again"
    for split in splits:
        choice = split.get("behavior"), split.get("invert")
        if choice not in (("Isolated", False), ("Isolated", True), ("Removed", True)):
            return _split_with(split)
    return None


def _split_with(split: dict[str, Any]) -> str:
    return f"has a Split with behavior = {shown(split.get('behavior'))} and invert = {shown(split.get('invert'))}"


def _split_pattern(expression: Any, path: FilePath) -> str:
    match expression:
        case {"String": str(text), **rest} if text and not rest:
            pattern = regex.escape(text)
        case {"Regex": str(pattern), **rest} if not rest:
            pattern = _OTHER_SPELLINGS.get(pattern, pattern)
        case _:
            raise TokenizerFileError(f"{path}: the Split in its pre_tokenizer has neither a Regex nor a String")
    try:
        check_portable_pattern(pattern)
    except ValueError as error:
        raise TokenizerFileError(f"{path}: {error}") from None
    # In a file the name of a pattern is an expression that matches the name, not short for the pattern.
    return f"(?:{pattern})" if pattern in PATTERNS else pattern
