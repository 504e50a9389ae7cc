"""What follows each document when documents are encoded: a special token, chosen by the user."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_MAX_LISTED = 8  # special tokens in an error


@dataclass(frozen=True)
class Separator:
    """What follows each document."""

    token: str
    """The special token; "" for nothing."""
    ids: tuple[int, ...]
    """Its id; none for nothing."""
    is_found_alone: bool
    """Whether it is found between any two documents that are joined by it, whatever the documents are."""

    num_bytes: int
    """Its length in UTF-8."""


def find_separator(
    token: str | None, special_tokens: Mapping[str, int], found_tokens: Iterable[str], what: str
) -> Separator:
    """Return the separator that a user has chosen.

    Args:
        token: the special token, or "" for nothing between documents. There is no default: a wrong guess would give
            other ids without an error, so None is one.
        special_tokens: the special tokens of the tokenizer, and their ids.
        found_tokens: all tokens that are found in a text.
        what: what needs the separator, for errors.

    Raises:
        ValueError: it is not a special token of the tokenizer.
    """
    listed = ", ".join(map(repr, list(special_tokens)[:_MAX_LISTED]))
    if len(special_tokens) > _MAX_LISTED:
        listed += f" and {len(special_tokens) - _MAX_LISTED} more"
    choices = f"one of the special tokens {listed}" if special_tokens else "a tokenizer that has a special token"
    if token is None:
        raise ValueError(f"{what} contains documents, and no separator follows each: give {choices}, or '' for nothing")
    if token == "":
        return Separator("", (), is_found_alone=False, num_bytes=0)
    if token not in special_tokens:
        raise ValueError(f"separator is {token!r}, not a special token: give {choices}, or '' for nothing")
    return Separator(token, (special_tokens[token],), _is_found_alone(token, found_tokens), len(token.encode()))


def _is_found_alone(separator: str, tokens: Iterable[str]) -> bool:
    """Return whether no token can be found in a text at a place that overlaps with a separator after any document.

    Of the tokens in a text the leftmost is chosen, and of those the longest. So the tokens that matter are those that
    contain the separator, and those with an end that is a beginning of it.
    """
    for token in tokens:
        if token != separator and separator in token:
            return False
        if any(separator.startswith(token[-length:]) for length in range(1, min(len(token), len(separator)))):
            return False
    return True
