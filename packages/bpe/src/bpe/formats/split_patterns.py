"""The split pattern in `tokenizer.json`: the part named `pre_tokenizer`."""

from typing import Any

import regex

from bpe.formats.parts import TokenizerFileError
from bpe.formats.portable_patterns import check_portable_pattern
from bpe.formats.reading import FilePath
from bpe.patterns import PATTERNS

_WHOLE_TEXT = r"[\s\S]+"
_OTHER_SPELLINGS = {  # GPT-2's as its authors first wrote it
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+": PATTERNS["gpt2"],
}


def pattern_to_json(pattern: str) -> dict[str, Any]:
    """Return the pre-tokenizer that splits by `pattern`.

    Raises:
        ValueError: the `tokenizers` library may read the pattern differently.
    """
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False}
    if pattern == PATTERNS["gpt2"]:  # which is the one built into ByteLevel
        return byte_level | {"use_regex": True}
    check_portable_pattern(pattern)
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    return {"type": "Sequence", "pretokenizers": [split, byte_level | {"use_regex": False}]}


def pattern_from_json(pre_tokenizer: Any, path: FilePath) -> str:
    """Return the pattern that splits as the pre-tokenizer does.

    It is ByteLevel alone, with GPT-2's pattern built in or (`use_regex` false) without any, or a Split followed by
    ByteLevel. `trim_offsets` is about positions, not ids.

    Raises:
        TokenizerFileError: it is anything else.
    """
    match pre_tokenizer:
        case {"type": "Sequence", "pretokenizers": [{"type": "ByteLevel"} as only]}:
            return pattern_from_json(only, path)
        case {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}:
            return _WHOLE_TEXT
        case {"type": "ByteLevel", "add_prefix_space": False, **rest} if rest.get("use_regex", True) is True:
            return PATTERNS["gpt2"]
        case {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Split", "pattern": dict() as expression, "behavior": str(behavior), "invert": bool(invert)},
                {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False},
            ],
        }:
            pattern = _split_pattern(expression, path)
            if behavior == "Isolated":  # all pieces are kept, whether they match or not: then `invert` is idle
                return pattern
            if (behavior, invert) == ("Removed", True) and pattern in PATTERNS.values():
                return pattern  # what does not match is dropped, but these match every character
    raise TokenizerFileError(
        f"{path}: its pre_tokenizer is neither ByteLevel nor one isolating Split followed by ByteLevel with use_regex "
        "= false (both with add_prefix_space = false), so its ids could not be reproduced exactly: use the library "
        "that it was made for"
    )


def _split_pattern(expression: dict[str, Any], path: FilePath) -> str:
    match expression:
        case {"String": str(text)} if len(expression) == 1 and text:
            pattern = regex.escape(text)
        case {"Regex": str(pattern)} if len(expression) == 1:
            pattern = _OTHER_SPELLINGS.get(pattern, pattern)
        case _:
            raise TokenizerFileError(f"{path}: the Split in its pre_tokenizer has neither a Regex nor a String")
    try:
        check_portable_pattern(pattern)
    except ValueError as error:
        raise TokenizerFileError(f"{path}: {error}") from None
    # Only in code is the name of a pattern short for it; in a file it is an expression that matches the name.
    return f"(?:{pattern})" if pattern in PATTERNS else pattern
