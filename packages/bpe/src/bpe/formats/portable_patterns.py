r"""Which regular expressions may stand in a file: those that mean the same to everyone who reads it.

Here a split pattern is read by the `regex` package, in the `tokenizers` library by Oniguruma. The two agree on a common
core, and only that passes, in both directions. Outside it the same expression may mean something else without
a word of warning: `\h` is a blank here and a hexadecimal digit there, `$` the end of the text here and of any line
there, `\p{N}{1,3}+` at most three digits here and any number there. The core also leaves out what makes `regex` itself
fall over on a stranger's expression: repetition by the hundred thousand, recursion, fuzzy matching.

It cannot vouch for the time that matching takes: `(?:a+)+b` is in the core too, and takes time exponential in
the length of the text.
"""

import regex

from bpe.patterns import compile_pattern, pattern_source

MAX_PATTERN_LENGTH = 4096
"""The longest pattern in a file, in characters."""

_MAX_OPEN_GROUPS = 20

_CATEGORY = (  # general categories; of the scripts, those that tokenizers use
    r"L[ultmo]?|M[nce]?|N[dlo]?|P[cdseifo]?|S[mcko]?|Z[slp]?|C[cf]?|Han|Hiragana|Katakana|Hangul"
)
_ESCAPE = (
    rf"\\[pP]\{{(?:{_CATEGORY})\}}"  # \p{L}
    r"|\\[sSdDnrtf]"
    r"|\\u(?![Dd][89A-Fa-f])[0-9A-Fa-f]{4}"
    r"|\\[ !-/:-@\[-`{-~]"  # punctuation, taken literally
)
_CLASS = rf"\[\^?(?:{_ESCAPE}|(?!&&|\|\||--|~~)[^\[\]\\\ud800-\udfff])+\]"  # no sets of sets
_LITERAL = r"[^\\\[(){}*+?^$|\ud800-\udfff]"
_QUANTIFIER = r"[*+?][+?]?|\{[0-9]{1,3}(?:,[0-9]{0,3})?\}(?![+?])"
_ELEMENT = (
    r"(?P<opens>\((?:\?(?::|i:|=|!|<=|<!|>)|(?![?*])))"
    rf"|(?:{_ESCAPE}|{_CLASS}|{_LITERAL}|(?P<closes>\)))(?:{_QUANTIFIER})?"
    r"|\|"
)


def check_portable_pattern(pattern: str) -> None:
    r"""Refuse a pattern, given by a name of `bpe.PATTERNS` or as an expression, that is not in the common core.

    >>> check_portable_pattern(r" ?\p{L}+| ?[^\s\p{L}]+|\s+")

    Raises:
        ValueError: the first place that is not in the core is named; or the pattern is no regular expression, or
            matches the empty text (after which the two go on differently).
    """
    pattern = pattern_source(pattern)
    if len(pattern) > MAX_PATTERN_LENGTH:
        raise ValueError(
            f"the split pattern has {len(pattern)} characters; in a file it has at most {MAX_PATTERN_LENGTH}"
        )
    element_at = regex.compile(_ELEMENT).match
    position = open_groups = 0
    while position < len(pattern):
        element = element_at(pattern, position)
        open_groups += 0 if element is None else bool(element["opens"]) - bool(element["closes"])
        if element is None or open_groups > _MAX_OPEN_GROUPS:
            raise ValueError(
                f"the split pattern has {pattern[position : position + 20]!r} at character {position}: other libraries "
                "may read that differently, so that it cannot stand in a file; write it with literal characters, "
                r"classes in brackets, \p{...}, \s, \d, (?:...), (?i:...), look-around, and the quantifiers * + ? {m,n}"
            )
        position = element.end()
    if compile_pattern(pattern).match(""):
        raise ValueError(
            f"the split pattern {pattern!r} matches the empty text, after which other libraries go on differently: "
            "let each of its alternatives take a character at least, with + instead of *"
        )
