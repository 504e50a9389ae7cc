"""Which characters of a text each token covers, and where a text contains a surrogate."""

from collections.abc import Iterable, Sequence

from bpe.lazy_patterns import LazyPattern

_CONTINUATION = bytes(range(0x80, 0xC0))  # every byte of a character but its first (RFC 3629)
_SURROGATE = LazyPattern(r"[\ud800-\udfff]")


def token_offsets(tokens: Iterable[bytes]) -> list[tuple[int, int]]:
    r"""Return `(start, end)` in characters for each token of a text. Together the tokens must be valid UTF-8.

    A token with only some bytes of a character covers the whole character, so neighbours may overlap:

    >>> token_offsets([b"a", b"\xc3", b"\xa9", b" b"])
    [(0, 1), (1, 2), (1, 2), (2, 4)]
    """
    offsets = []
    begun = 0  # characters whose first byte was found so far
    for token in tokens:
        start = begun - (token[:1] in _CONTINUATION)
        begun += len(token.translate(None, _CONTINUATION))
        offsets.append((start, begun))
    return offsets


def surrogate_error(text: str, position: int = 0) -> ValueError:
    """Return the error for a text that contains a surrogate; `text` starts at character `position` of the whole."""
    found = _SURROGATE.search(text)
    assert found is not None, "only called for texts that could not be encoded"
    return ValueError(
        f"the text has the surrogate {found.group()!r} at character {position + found.start()}, which is not a "
        "character and cannot be encoded in UTF-8: read the text with the right encoding, or replace surrogates with "
        "text.encode('utf-16', 'surrogatepass').decode('utf-16', 'replace')"
    )


def first_surrogate_error(texts: Sequence[str]) -> ValueError:
    """Return the error for several texts, at least one of which contains a surrogate."""
    return next(surrogate_error(text) for text in texts if _SURROGATE.search(text))
