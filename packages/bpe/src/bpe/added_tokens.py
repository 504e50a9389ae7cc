"""Added tokens: strings that are encoded as one id wherever they are found in a text, with their options.

>>> finder = TokenFinder([AddedToken("<mask>", 7, lstrip=True), AddedToken("<s>", 8)])
>>> [(part, token and token.id) for part, token in finder.split("a <mask> <s>b")]
[('a', None), (' <mask>', 7), (' ', None), ('<s>', 8), ('b', None)]

`bpe.special_tokens` finds the strings; this module applies the options to what it finds.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bpe.lazy_patterns import LazyPattern
from bpe.special_tokens import SpecialTokens

_MIN_BUFFER = 4096  # characters to collect before searching for a place to cut
_SPACE = LazyPattern(r"\p{White_Space}*")
_SPACE_BEFORE = LazyPattern(r"(?r)\p{White_Space}*")
_WORD = LazyPattern(r"[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]")
_INSIDE_TEXT = LazyPattern(r"(?r)(?<=\P{White_Space})(?=\P{White_Space})")


@dataclass(frozen=True)
class AddedToken:
    """A token that is found in a text before anything else. The options are those of the `tokenizers` library."""

    content: str
    """The string to find."""
    id: int
    """The id that it is encoded as."""
    special: bool = True
    """Whether it is a special token: one that `allowed_special` is about and `skip_special_tokens` skips."""
    lstrip: bool = False
    """Whether the white space to the left of it belongs to it."""
    rstrip: bool = False
    """Whether the white space to the right of it belongs to it."""
    single_word: bool = False
    """Whether it is found only where no letter, digit or underscore is next to it."""
    normalized: bool = False
    """Whether it is normalized, and found in the normalized text; otherwise in the text as it is."""

    @property
    def has_options(self) -> bool:
        """Whether something else than the string itself decides where it is found."""
        return self.lstrip or self.rstrip or self.single_word


class TokenFinder:
    """Finds added tokens in a complete text (`split`) or in a stream (`split_stream`)."""

    def __init__(self, tokens: Sequence[AddedToken], written: Sequence[str] | None = None) -> None:
        """Compile the tokens.

        Args:
            tokens: the tokens.
            written: the string to find for each of them, if it is not its content.

        Raises:
            ValueError: a string is empty, given twice or contains a surrogate.
        """
        strings = [token.content for token in tokens] if written is None else written
        self.strings = SpecialTokens(strings)
        self._token_of = dict(zip(strings, tokens, strict=True))
        self._has_options = any(token.has_options for token in tokens)

    def split(self, text: str) -> Iterator[tuple[str, AddedToken | None]]:
        """Yield the parts of a complete text in order, each with its token, or None for ordinary text."""
        begin = 0
        for start, end in self.strings.matches(text):
            token = self._token_of[text[start:end]]
            if token.single_word and (_WORD.match(text, end) or (start and _WORD.match(text, start - 1))):
                continue
            if token.lstrip:
                start = max(begin, _SPACE_BEFORE.match(text, 0, start).start())  # type: ignore[union-attr]
            if token.rstrip:
                end = _SPACE.match(text, end).end()  # type: ignore[union-attr]
            if start > begin:
                yield text[begin:start], None
            if start < end:  # else it is a token of spaces that belong to another one
                yield text[start:end], token
            begin = end  # which may be less than before if a token of spaces was found in those after another one
        if begin < len(text):
            yield text[begin:], None

    def split_stream(self, chunks: Iterable[str]) -> Iterator[tuple[str, AddedToken | None]]:
        """Yield the parts of a text given in chunks. Ordinary text is cut anywhere; tokens are those of `split`."""
        if not self._has_options:
            for part, is_token in self.strings.split_stream(chunks):
                yield part, self._token_of[part] if is_token else None
            return
        held, enough = "", _MIN_BUFFER
        for chunk in chunks:
            held += chunk
            if len(held) < enough:
                continue
            cut = self._last_clear_cut(held)
            yield from self.split(held[:cut])
            held = held[cut:]
            enough = max(_MIN_BUFFER, 2 * len(held))
        yield from self.split(held)

    def _last_clear_cut(self, text: str) -> int:
        """Return the last place that no token can reach, whatever follows: neither its string nor what it looks at."""
        position = len(text) - self.strings.longest
        while position > 0:
            found = _INSIDE_TEXT.search(text, 0, position)
            if found is None:
                return 0
            position = found.start()
            if not self.strings.is_near_token(text, position):
                return position
            position -= 1
        return 0
