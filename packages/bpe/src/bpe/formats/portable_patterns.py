r"""The regular expressions allowed in tokenizer files: those that mean the same in every library that reads them.

This package reads a split pattern with the `regex` package, the `tokenizers` library with Oniguruma. The two agree on a
common core, and only that is allowed, for reading and for writing. Outside it the same expression may mean something
else without an error: `\h` is a blank in one and a hexadecimal digit in the other, `$` is the end of the text or of any
line, `\p{N}{1,3}+` is at most three digits or any number of them, `(?i:\p{Lu})` any letter with case or only capital
ones; and Oniguruma refuses to repeat look-around, as in `(?:(?!a))?`. The core also excludes what makes `regex` itself
fail on an untrusted expression: repetition by the hundred thousand, recursion, fuzzy matching.

It does not bound the time that matching takes: `(?:a+)+b` is in the core too, and takes time exponential in the length
of the text.
"""

from dataclasses import dataclass

import regex

from bpe.patterns import compile_pattern, pattern_source

MAX_PATTERN_LENGTH = 4096
"""The maximum length of a pattern in a file, in characters."""

_MAX_OPEN_GROUPS = 20

_CATEGORY = (  # general categories; of the scripts, those that tokenizers use
    r"L[ultmo]?|M[nce]?|N[dlo]?|P[cdseifo]?|S[mcko]?|Z[slp]?|C[cf]?|Han|Hiragana|Katakana|Hangul"
)
_ESCAPE = (
    rf"\\[pP]\{{(?:{_CATEGORY})\}}"  # \p{L}
    r"|\\[sSdDnrtf]"
    r"|\\u(?![Dd][89A-Fa-f])[0-9A-Fa-f]{4}"
    r"|\\[ !-/:-@\[-`{-~]"  # punctuation, escaped
)
_CLASS = rf"\[\^?+(?:{_ESCAPE}|(?!&&|\|\||--|~~)[^\[\]\\\ud800-\udfff])+\]"  # no sets of sets
_LITERAL = r"[^\\\[(){}*+?^$|\ud800-\udfff]"
_QUANTIFIER = r"[*+?][+?]?|\{[0-9]{1,3}(?:,[0-9]{0,3})?\}(?![+?])"
_ELEMENT = (
    r"(?P<opens>\((?:\?(?::|i:|=|!|<=|<!|>)|(?![?*])))"
    rf"|(?:{_ESCAPE}|{_CLASS}|{_LITERAL}|(?P<closes>\)))(?P<repeats>{_QUANTIFIER})?"
    r"|\|"
)
_CASE = r"\\[pP]\{L[ult]\}"  # which differ where case is ignored


@dataclass
class _Group:
    """What is known of a group while its end has not been read."""

    opening: str
    ignores_case: bool
    has_characters: bool = False
    """Whether the current alternative has more than look-around, which other libraries do not repeat."""
    consumes: bool = False
    """Whether it matches at least one character."""
    _others_have: bool = True
    _others_consume: bool = True
    """The same of all alternatives before it."""

    def next_alternative(self) -> None:
        """Begin another alternative."""
        self._others_have &= self.has_characters
        self._others_consume &= self.consumes
        self.has_characters = self.consumes = False

    def add(self, *, has_characters: bool, consumes: bool) -> None:
        """Note an element of the current alternative."""
        self.has_characters |= has_characters
        self.consumes |= consumes

    def close(self) -> tuple[bool, bool]:
        """Return whether each alternative has more than look-around, and whether each matches a character or more."""
        self.next_alternative()
        is_look_around = self.opening in ("(?=", "(?!", "(?<=", "(?<!")
        return self._others_have and not is_look_around, self._others_consume and not is_look_around


def check_portable_pattern(pattern: str) -> None:
    r"""Raise an error for a pattern, a name of `bpe.PATTERNS` or an expression, that is not in the common core.

    >>> check_portable_pattern(r" ?\p{L}+| ?[^\s\p{L}]+|\s+")

    Raises:
        ValueError: a part is not in the core (the first one is named); or the pattern is not a regular expression, or
            can match the empty text (after which the two libraries continue differently).
    """
    pattern = pattern_source(pattern)
    if len(pattern) > MAX_PATTERN_LENGTH:
        raise ValueError(
            f"the split pattern has {len(pattern)} characters; tokenizer files allow at most {MAX_PATTERN_LENGTH}"
        )
    element_at = regex.compile(_ELEMENT).match
    position = 0
    groups = [_Group("", ignores_case=False)]  # the whole, and each open group
    while position < len(pattern):
        element = element_at(pattern, position)
        if element is None or not _is_portable(element, groups) or len(groups) > _MAX_OPEN_GROUPS + 1:
            raise ValueError(
                f"the split pattern has {pattern[position : position + 20]!r} at character {position}: other libraries "
                "may interpret it differently, so it is not allowed in a file; write it with literal characters, "
                r"classes in brackets, \p{...}, \s, \d, (?:...), (?i:...), look-around, and the quantifiers * + ? {m,n}"
            )
        position = element.end()
    if compile_pattern(pattern).match("") or not groups[0].close()[1]:
        raise ValueError(
            f"the split pattern {pattern!r} can match the empty text, after which other libraries continue in another "
            "way: let each of its alternatives match at least one character, with + instead of *"
        )


def _is_portable(element: "regex.Match[str]", groups: list[_Group]) -> bool:
    """Return whether an element is in the core where it is, and note it in the open groups."""
    if element["opens"]:
        groups.append(_Group(element["opens"], groups[-1].ignores_case or element["opens"] == "(?i:"))
        return True
    if element["closes"] and len(groups) > 1:
        has_characters, consumes = groups.pop().close()
        groups[-1].add(has_characters=has_characters, consumes=consumes and not _is_optional(element["repeats"]))
        return has_characters or not element["repeats"]
    if element.group() == "|":
        groups[-1].next_alternative()
        return True
    groups[-1].add(has_characters=True, consumes=not _is_optional(element["repeats"]))
    return not (groups[-1].ignores_case and regex.search(_CASE, element.group()))


def _is_optional(quantifier: str | None) -> bool:
    """Return whether a quantifier allows none at all."""
    return quantifier is not None and (quantifier[0] in "*?" or quantifier.startswith(("{0,", "{0}")))
