"""Which special tokens in a text are encoded as ids, which raise an error, and which are ordinary text.

`allowed_special` and `disallowed_special` have the same meaning as in OpenAI's `tiktoken`, except that a name which is
not a special token is an error here, because a misspelled name would silently give other ids.
"""

from collections.abc import Collection
from functools import lru_cache
from typing import Literal

from bpe.special_tokens import SpecialTokens

Special = Literal["all"] | Collection[str]
"""Special tokens: a collection of their strings, or all of them."""


def allowed_in(
    text: str,
    specials: SpecialTokens,
    allowed_special: Special,
    disallowed_special: Special,
    always: frozenset[str] = frozenset(),
) -> SpecialTokens:
    """Check `text` for disallowed special tokens, and return the finder of the allowed ones.

    Args:
        text: the text to encode.
        specials: all tokens that are found in a text.
        allowed_special: those that are encoded as their ids; if they overlap, the leftmost and longest allowed one is
            chosen.
        disallowed_special: those that must not occur anywhere in `text`, not even inside an allowed one; "all" means
            all that are not allowed. Special tokens in neither collection are ordinary text.
        always: those of `specials` that are not special, and are always found.

    Raises:
        ValueError: a disallowed token occurs, or a name is not a special token.

    >>> specials = SpecialTokens(["<user>", "<end>"])
    >>> list(allowed_in("<user>Hi<end>", specials, {"<end>"}, ()).split("<user>Hi<end>"))
    [('<user>Hi', False), ('<end>', True)]
    """
    if isinstance(allowed_special, str) and allowed_special == "all":
        if not disallowed_special or disallowed_special == "all":
            return specials
        allowed = specials
    else:
        allowed = _finder(_choice("allowed_special", allowed_special, specials, always) | always)
    if disallowed_special == "all":
        disallowed = frozenset(specials.tokens).difference(allowed.tokens)
    else:
        disallowed = _choice("disallowed_special", disallowed_special, specials, always)
    found = _finder(disallowed).find(text)
    if found:
        raise ValueError(
            f"the text contains the special token {found[1]!r} at character {found[0]}, which is disallowed: allow it "
            f"with allowed_special={{{found[1]!r}}}, or encode it as ordinary text with disallowed_special=()"
        )
    return allowed


def _choice(name: str, choice: Special, specials: SpecialTokens, always: frozenset[str]) -> frozenset[str]:
    if isinstance(choice, str):
        raise ValueError(f'{name} is the string {choice!r}: give "all" or a set of strings, such as {{{choice!r}}}')
    for token in choice:
        if token not in specials.tokens or token in always:
            known = ", ".join(repr(special) for special in specials.tokens if special not in always) or "none"
            raise ValueError(f"{name} contains {token!r}, which is not a special token of this tokenizer ({known})")
    return frozenset(choice)


@lru_cache(maxsize=256)
def _finder(tokens: frozenset[str]) -> SpecialTokens:
    return SpecialTokens(sorted(tokens))
