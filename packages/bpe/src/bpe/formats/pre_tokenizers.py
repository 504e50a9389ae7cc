"""The pre-tokenizer in a `tokenizer.json`: how ordinary text is split into pieces.

Every step of a file is written with three steps of `bpe.pre_tokenizers`: `Split`, `PrefixSpace` and `StandIns`. For
example, ByteLevel is a `PrefixSpace` and a `Split` by GPT-2's pattern, if its options say so, and then `StandIns`. If
that leaves one pattern, it is the tokenizer's pattern; otherwise `SplitSteps` split the text.
"""

from collections.abc import Iterator, Sequence
from typing import Any, get_args

import regex

from bpe.formats.parts import TokenizerFileError
from bpe.formats.portable_patterns import check_portable_pattern
from bpe.formats.reading import FilePath, refuse, shown
from bpe.formats.sequences import steps_of
from bpe.patterns import PATTERNS, WHOLE_TEXT
from bpe.pre_tokenizers import Behavior, PrefixSpace, Split, SplitStep, SplitSteps, StandIns, steps_for_mark
from bpe.text_rules import Metaspace, Prepend

_OTHER_SPELLINGS = {
    # The form of GPT-2's pattern that was published first.
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+": PATTERNS["gpt2"],
    # BLOOM's has a class within a class, which `regex` reads in another way.
    r" ?[^(\s|[.,!?…。，、।۔،])]+": r" ?[^(\s|.,!?…。，、।۔،)]+",
}
_WORD = r"[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]"
_PUNCTUATION = r"[!-/:-@\[-`{-~\p{P}]"
_BEHAVIORS: tuple[Behavior, ...] = get_args(Behavior)
_GPT2 = Split(PATTERNS["gpt2"], "Isolated")
_NAMED: list[tuple[dict[str, Any], Split]] = [
    ({"type": "Digits", "individual_digits": True}, Split(r"\p{N}", "Isolated")),
    ({"type": "Digits", "individual_digits": False}, Split(r"\p{N}", "Contiguous")),
    ({"type": "Whitespace"}, Split(rf"{_WORD}+|(?:(?!{_WORD})\S)+", "Removed", invert=True)),
    ({"type": "WhitespaceSplit"}, Split(r"\s", "Removed")),
    *(({"type": "Punctuation", "behavior": behavior}, Split(_PUNCTUATION, behavior)) for behavior in _BEHAVIORS),
]
"""The steps that split by a pattern of their own."""


def pre_tokenizer_to_json(pattern: str | SplitSteps, *, prefix_space: bool = False) -> dict[str, Any]:
    """Return the pre-tokenizer that splits by a pattern or in steps.

    Raises:
        ValueError: the `tokenizers` library may interpret a pattern differently, or has no such steps.
    """
    steps: list[SplitStep] = [PrefixSpace()] if prefix_space else []
    if isinstance(pattern, SplitSteps):
        steps += pattern.steps
    elif pattern != WHOLE_TEXT:
        steps.append(Split(pattern, "Isolated"))
    if StandIns() not in steps:
        steps.append(StandIns())
    written = list(_written(steps))
    return written[0] if len(written) == 1 else {"type": "Sequence", "pretokenizers": written}


def _written(steps: Sequence[SplitStep]) -> Iterator[dict[str, Any]]:
    position = 0
    while position < len(steps):
        step = steps[position]
        for add_prefix_space, use_regex in ((True, True), (True, False), (False, True), (False, False)):
            wanted = [*[PrefixSpace()] * add_prefix_space, *[_GPT2] * use_regex, StandIns()]
            if list(steps[position : position + len(wanted)]) == wanted:
                options = {"add_prefix_space": add_prefix_space, "trim_offsets": False, "use_regex": use_regex}
                yield {"type": "ByteLevel", **options}
                position += len(wanted)
                break
        else:
            if not isinstance(step, Split):
                raise ValueError(
                    "a prefix space before a split pattern other than GPT-2's cannot be stored as tokenizer.json"
                )
            yield _split_to_json(step)
            position += 1


def _split_to_json(step: Split) -> dict[str, Any]:
    for named, split in _NAMED:
        if split == step:
            return named
    check_portable_pattern(step.pattern)
    return {
        "type": "Split",
        "pattern": {"Regex": step.pattern},
        "behavior": step.behavior,
        "invert": step.invert,
    }


def pre_tokenizer_from_json(pre_tokenizer: Any, path: FilePath) -> tuple[str | SplitSteps, bool]:
    """Return the pattern or the steps of a pre-tokenizer, and whether a space is put in front of the text first.

    `trim_offsets` affects positions, not ids.

    Raises:
        TokenizerFileError: a step is malformed, or this package does not have it. The error names the step.
    """
    found = steps_of(pre_tokenizer, "pre_tokenizer", "pretokenizers", path)
    steps = [step for entry in found for step in _steps_from_json(entry, path)]
    names = ", ".join(str(step["type"]) for step in found) or "none"
    count = steps.count(StandIns())
    refuse(count != 1, path, f"its pre_tokenizer has {count} steps of type ByteLevel, not one ({names})")
    if steps[-1] == StandIns():  # no step sees them
        del steps[-1]
    prefix_space = steps[:1] == [PrefixSpace()]
    if prefix_space:
        del steps[0]
    match steps:
        case []:
            return WHOLE_TEXT, prefix_space
        # With "Isolated" all pieces are kept, whether they match or not, so `invert` has no effect. With "Removed" what
        # does not match is dropped, but the named patterns match every character.
        case [Split(pattern, "Isolated")]:
            return pattern, prefix_space
        case [Split(pattern, "Removed", True)] if pattern in PATTERNS.values():
            return pattern, prefix_space
    return SplitSteps(steps), prefix_space


def character_pre_tokenizer_to_json(pattern: str | SplitSteps, metaspace: Metaspace | None) -> dict[str, Any] | None:
    """Return the pre-tokenizer of a character model.

    Raises:
        ValueError: the `tokenizers` library may interpret a pattern differently, or has no such steps.
    """
    is_split = isinstance(pattern, SplitSteps)
    if metaspace is not None:
        expected = steps_for_mark(metaspace.mark).pattern if is_split else WHOLE_TEXT
        if expected != (pattern.pattern if isinstance(pattern, SplitSteps) else pattern):
            raise ValueError("a split pattern together with Metaspace cannot be stored as tokenizer.json")
        options = {"replacement": metaspace.mark, "prepend_scheme": metaspace.prepend, "split": is_split}
        return {"type": "Metaspace", **options}
    if pattern == WHOLE_TEXT:
        return None
    steps = pattern.steps if isinstance(pattern, SplitSteps) else (Split(pattern, "Isolated"),)
    written = list(_written(steps))
    return written[0] if len(written) == 1 else {"type": "Sequence", "pretokenizers": written}


def character_pre_tokenizer_from_json(part: Any, path: FilePath) -> tuple[str | SplitSteps, Metaspace | None]:
    """Return the pattern or the steps of the pre-tokenizer of a character model, and how it writes spaces.

    Raises:
        TokenizerFileError: a step is malformed, or this package does not have it. The error names the step.
    """
    found = steps_of(part, "pre_tokenizer", "pretokenizers", path)
    match found:
        case []:
            return WHOLE_TEXT, None
        case [{"type": "Metaspace", "replacement": str(mark)} as step] if len(mark) == 1:
            prepend = step.get("prepend_scheme", "always" if step.get("add_prefix_space", True) else "never")
            split = step.get("split", True)
            if prepend not in get_args(Prepend) or not isinstance(split, bool):
                raise _malformed(step, path)
            return steps_for_mark(mark) if split else WHOLE_TEXT, Metaspace(mark, prepend)
    for step in found:
        refuse(step["type"] == "Metaspace", path, "its pre_tokenizer has Metaspace together with other steps")
    steps = [step for entry in found for step in _steps_from_json(entry, path)]
    return SplitSteps(steps), None


def _steps_from_json(step: dict[str, Any], path: FilePath) -> Iterator[SplitStep]:
    """Yield the steps that do what a step of the file does."""
    defaults = {"Punctuation": {"behavior": "Isolated"}}.get(step["type"], {})
    for named, split in _NAMED:
        if defaults | step == named:
            yield split
            return
    match step:
        case {"type": "Split", "pattern": expression, "behavior": behavior, "invert": bool(invert)} if (
            behavior in _BEHAVIORS
        ):
            yield Split(_split_pattern(expression, path), behavior, invert)
        case {"type": "CharDelimiterSplit", "delimiter": str(delimiter)} if len(delimiter) == 1:
            yield Split(regex.escape(delimiter), "Removed")
        case {"type": "ByteLevel"}:
            options = step.get("add_prefix_space", True), step.get("use_regex", True)
            if not all(isinstance(option, bool) for option in options):
                raise _malformed(step, path)
            yield from [PrefixSpace()] * options[0]
            yield from [_GPT2] * options[1]
            yield StandIns()
        case {"type": "Split" | "CharDelimiterSplit" | "Digits" | "Whitespace" | "WhitespaceSplit" | "Punctuation"}:
            raise _malformed(step, path)
        case _:
            refuse(True, path, f"its pre_tokenizer has a step of type {shown(step['type'])}")


def _malformed(step: dict[str, Any], path: FilePath) -> TokenizerFileError:
    fields = ", ".join(f"{name} = {shown(value)}" for name, value in step.items() if name != "type")
    return TokenizerFileError(
        f"{path}: its pre_tokenizer has a {step['type']} with missing or wrong fields ({fields or 'none'})"
    )


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
