"""Split patterns: the places in a text that merges never cross.

Before merging, a text is split into *pieces* (pre-tokens): roughly words with their leading space, runs of digits, runs
of punctuation, runs of white space. GPT-2's pattern splits

>>> split_pieces("I'll take 2 apples!", compile_pattern("gpt2"))
['I', "'ll", ' take', ' 2', ' apples', '!']

The patterns are written in the syntax of the `regex` package, which also defines their meaning (including the Unicode
version). They are those published with GPT-2 (Radford et al. 2019) and with OpenAI's `tiktoken`.
"""

from typing import TYPE_CHECKING, TypeAlias

from bpe.lazy_patterns import LazyPattern
from bpe.pre_tokenizers import PatternKey, Split, SplitSteps, StandIns

if TYPE_CHECKING:
    import regex

    from bpe.automata.determinize import Automaton

SplitPattern: TypeAlias = "regex.Pattern[str] | LazyPattern | SplitSteps"
"""What splits a text: a compiled pattern, or a list of steps. The attribute `pattern` of both identifies it."""

_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_UPPER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
_LOWER = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"

PATTERNS: dict[str, str] = {
    "gpt2": r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "cl100k": (
        _CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
    "o200k": (
        rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+{_CONTRACTIONS}?"
        rf"|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*{_CONTRACTIONS}?"
        r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
}
"""The well-known patterns by name."""

DEFAULT_PATTERN = "gpt2"

WHOLE_TEXT = r"[\s\S]+"
"""The pattern of tokenizers that do not split text."""

# The last place in a text at which every pattern of the table has a border, whatever the text to the left and to the
# right: before a plain space that follows something else, and between a letter and a punctuation mark. (Not before an
# apostrophe, which may start a contraction; not before a combining mark, which o200k treats as a letter.) Faster
# than `bpe.automata.cuts`, which finds more such places: `(?r)` makes `regex` search from the end.
_LAST_SAFE_CUT = LazyPattern(r"(?r)(?<=\S)(?= )|(?<=\p{L})(?=[^\s\p{L}\p{N}\p{M}'])")


def pattern_source(name_or_regex: str) -> str:
    """Return the regular expression for a name of `PATTERNS`, or the argument itself if it is not a name."""
    return PATTERNS.get(name_or_regex, name_or_regex)


def compile_pattern(name_or_regex: str) -> "regex.Pattern[str]":
    """Compile a pattern given by name or as a regular expression.

    Raises:
        ValueError: the expression is not one that `regex` accepts.
    """
    import regex

    try:
        return regex.compile(pattern_source(name_or_regex))
    except regex.error as error:
        raise ValueError(
            f"split pattern {name_or_regex!r} is neither one of {', '.join(PATTERNS)} "
            f"nor a regular expression that the regex package accepts: {error}"
        ) from error


def split_pattern(name_or_regex: str) -> "regex.Pattern[str] | LazyPattern":
    """Return what `compile_pattern` returns, or something that compiles a named pattern when it is first used.

    Raises:
        ValueError: the expression is not one that `regex` accepts.
    """
    source = PATTERNS.get(name_or_regex, name_or_regex)
    return LazyPattern(source) if source in PATTERNS.values() else compile_pattern(source)


def pattern_key(pattern: SplitPattern) -> PatternKey:
    """Return what determines how a text is split: two patterns with equal keys split alike."""
    return pattern.steps if isinstance(pattern, SplitSteps) else pattern.pattern


def character_steps(pattern: PatternKey) -> PatternKey:
    """Return what splits a text before its bytes are looked at: the pattern itself, or the steps before `StandIns`."""
    if isinstance(pattern, str) or StandIns() not in pattern:
        return pattern
    steps = pattern[: pattern.index(StandIns())]
    match steps:
        case ():
            return WHOLE_TEXT
        case (Split(expression, "Isolated"),):
            return expression
    return steps


def split_pieces(text: str, pattern: SplitPattern) -> list[str]:
    """Split `text` into pieces. What a pattern skips is a piece of its own, so joined they are the text again."""
    if isinstance(pattern, SplitSteps):
        return pattern.split(text)
    if pattern.pattern in PATTERNS.values():  # these match every character, so nothing is skipped
        return pattern.findall(text)
    pieces = []
    end = 0
    for match in pattern.finditer(text):
        pieces += [text[end : match.start()], match.group()]
        end = match.end()
    pieces.append(text[end:])
    return [piece for piece in pieces if piece]


def can_be_cut(pattern: SplitPattern) -> bool:
    """Return whether `last_safe_cut` knows where a text can be cut: for a named pattern, and all with an automaton."""
    if isinstance(pattern, SplitSteps) and pattern.knows_borders:
        return True
    return pattern.pattern in PATTERNS.values() or _automaton_of(pattern) is not None


def last_safe_cut(text: str, pattern: SplitPattern) -> int:
    """Return the last position where `text` can be cut so that both parts are split as the whole would be.

    Returns 0 if there is none, as for every pattern that has no automaton (`bpe.automata`): how far such an expression
    looks ahead and behind is unknown. The same is true of split steps that have none.
    """
    if isinstance(pattern, SplitSteps) and pattern.knows_borders:
        return pattern.last_safe_cut(text)
    if pattern.pattern in PATTERNS.values():
        position = _last_space(text)
        if position:
            return position
        match = _LAST_SAFE_CUT.search(text)
        return 0 if match is None else match.start()
    automaton = _automaton_of(pattern)
    if automaton is None:
        return 0
    from bpe.automata.cuts import last_cut

    return last_cut(text, automaton)


def _last_space(text: str) -> int:
    """Return the last position in `text` of a plain space after something else, which nearly every text has; else 0.

    That is one of the places that `_LAST_SAFE_CUT` finds, without `regex`.
    """
    position = text.rfind(" ")
    while position > 0 and text[position - 1].isspace():
        position = text.rfind(" ", 0, position)
    return max(0, position)


def _automaton_of(pattern: SplitPattern) -> "Automaton | None":
    from bpe.automata.composition import find_automaton_of  # most programs need it never, or only for long texts

    return find_automaton_of(character_steps(pattern_key(pattern)))
