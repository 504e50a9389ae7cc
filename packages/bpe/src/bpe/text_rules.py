"""What a tokenizer does to a text before it is split into pieces: the rules, and the way of a text through them.

    text ─▶ added tokens ─▶ normalizer ─▶ normalized added tokens ─▶ space in front ─▶ pieces ─▶ merges
                 │                                  │
                 ▼                                  ▼
                ids                                ids

Most tokenizers have special tokens only. Then there is one step, to find them, and `TextRules()` describes it.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import Literal

from bpe.added_tokens import AddedToken, TokenFinder
from bpe.inert_characters import InertCharacters, is_only_itself
from bpe.normalizers import Normalizer, Replace, Step, UnicodeForm
from bpe.patterns import WHOLE_TEXT, SplitPattern
from bpe.pre_tokenizers import Split, SplitSteps
from bpe.special_tokens import SpecialTokens
from bpe.streaming import safe_parts
from bpe.templates import TEXT_ALONE, Template

Segment = tuple[str, int | None]
"""A part of a text: an added token with its id, or ordinary text, normalized, with None."""

Prepend = Literal["always", "first", "never"]

_NO_TOKENS = SpecialTokens(())
_MAX_CHOICES = 64  # sets of allowed tokens for which finders are kept


@dataclass(frozen=True)
class Metaspace:
    """Spaces written as a mark, with one in front of ordinary text that does not start with one."""

    mark: str = "▁"
    """The character that stands for a space."""
    prepend: Prepend = "always"
    """Whether there is a mark in front of all ordinary text, that at the beginning of a text only, or none."""


@dataclass(frozen=True)
class TextRules:
    """The parts of a tokenizer that few have, in addition to vocabulary, merges, special tokens and pattern."""

    added_tokens: tuple[AddedToken, ...] = ()
    """Tokens besides the special tokens: those that are not special, or have options."""
    normalizer: tuple[Step, ...] = ()
    """How a text is changed, apart from added tokens in it."""
    prefix_space: bool = False
    """Whether a space is put before ordinary text that does not start with one: at the beginning, and after each added
    token."""
    metaspace: Metaspace | None = None
    """How spaces are written in the tokens of a character model, if the pre-tokenizer writes them."""
    template: Template = TEXT_ALONE
    """The tokens around a text, which are added on request."""
    never_encoded: frozenset[int] = frozenset()
    """Ids of tokens that no text is encoded as, though they may have the bytes of another token."""

    def description(self) -> str:
        """Return everything here that determines the ids of a text, as text."""
        tokens = [(t.content, t.lstrip, t.rstrip, t.single_word, t.normalized) for t in self.added_tokens]
        return repr((sorted(tokens), self.normalizer, self.prefix_space, self.metaspace))


NO_RULES = TextRules()


class TextSegments:
    """Cuts a text into added tokens and ordinary text that is ready to be split into pieces."""

    def __init__(self, tokens: Sequence[AddedToken], rules: TextRules) -> None:
        """Prepare to find tokens.

        Args:
            tokens: all added tokens, including the special tokens.
            rules: the rules of the tokenizer.

        Raises:
            ValueError: two tokens are the same after normalization, or nothing is left of one.
        """
        self._tokens = tuple(tokens)
        self._id_of = {token.content: token.id for token in tokens}
        self._normalizer = Normalizer(rules.normalizer)
        self._prefix_space = rules.prefix_space
        self._metaspace = rules.metaspace
        self._finders: dict[tuple[str, ...], tuple[TokenFinder, TokenFinder]] = {}
        self._normalized_strings([token for token in tokens if token.normalized])  # for its errors
        plain_but_for_forms = not (
            rules.prefix_space
            or rules.metaspace
            or any(token.has_options for token in tokens)
            or _in_two_passes(tokens)
        )
        self.plain = plain_but_for_forms and not rules.normalizer
        """Whether a text is unchanged, and the added tokens in it are found at once."""
        forms = [step.form for step in rules.normalizer if isinstance(step, UnicodeForm)]
        self.inert: InertCharacters | None = None
        """Characters for whose texts the same is true, if only normalization forms change a text."""
        if plain_but_for_forms and forms and len(forms) == len(rules.normalizer):
            normalized = "".join(token.content for token in tokens if token.normalized)
            if not normalized or (is_only_itself(normalized) and set(forms) <= {"NFC", "NFD"}):
                self.inert = InertCharacters(forms)

    def split(self, text: str, allowed: SpecialTokens) -> Iterator[Segment]:
        """Yield the segments of a complete text, in which the tokens `allowed` are found."""
        if self.plain:
            for part, is_token in allowed.split(text):
                yield part, self._id_of[part] if is_token else None
            return
        as_it_is, normalized = self._finders_of(allowed.tokens)
        is_first = True
        for part, token in as_it_is.split(text):
            if token is not None:
                yield part, token.id
            else:
                yield from self._ordinary(part, normalized, is_first=is_first)
            is_first = False

    def _ordinary(self, text: str, normalized: TokenFinder, *, is_first: bool) -> Iterator[Segment]:
        """Yield the segments of all the text between two added tokens that are not normalized."""
        text = self._normalizer.apply(text)
        if not normalized.strings.tokens:
            if text:
                yield self._marked(text, is_first=is_first, is_start=True), None
            return
        for part, token in normalized.split(text):
            if token is not None:
                yield part, token.id
            else:
                yield self._marked(part, is_first=is_first, is_start=True), None
            is_first = False

    def split_stream(
        self, chunks: Iterable[str], allowed: SpecialTokens, pattern: SplitPattern, buffer: int | None = None
    ) -> Iterator[Segment]:
        """Yield the segments of a text given in chunks, in parts that can be split into pieces one by one.

        Args:
            chunks: the text, cut anywhere.
            allowed: the tokens to find.
            pattern: the split pattern, which decides where ordinary text can be cut.
            buffer: how much ordinary text to collect before searching for a place to cut, in characters.
        """
        if self.plain:
            for part, is_token in safe_parts(chunks, allowed, pattern, buffer):
                yield part, self._id_of[part] if is_token else None
            return
        as_it_is, normalized = self._finders_of(allowed.tokens)
        ordinary_is_first = True

        def noted(parts: Iterable[tuple[str, AddedToken | None]]) -> Iterator[tuple[str, AddedToken | None]]:
            nonlocal ordinary_is_first
            for part, token in parts:
                ordinary_is_first = ordinary_is_first and token is None
                yield part, token

        def inside(parts: Iterator[str]) -> Iterator[Segment]:
            found = noted(normalized.split_stream(self._normalizer.apply_stream(parts)))
            return _for_ordinary(found, cut)

        def cut(parts: Iterator[str]) -> Iterator[Segment]:
            marked = self._marked_stream(parts, is_first=ordinary_is_first)
            for part, _ in safe_parts(marked, _NO_TOKENS, pattern, buffer):
                yield part, None

        for is_ordinary, group in groupby(as_it_is.split_stream(chunks), lambda part: part[1] is None):
            if is_ordinary:
                stretch = (text for text, _ in group)
                text, more = next(stretch), next(stretch, None)
                if more is None:  # the usual case if there are many added tokens, and several times as fast
                    yield from self._ordinary(text, normalized, is_first=ordinary_is_first)
                else:
                    yield from inside(chain([text, more], stretch))
            else:
                yield from ((text, token.id) for text, token in group if token is not None)
            ordinary_is_first = False

    def _marked(self, text: str, *, is_first: bool, is_start: bool) -> str:
        """Return ordinary text with spaces as the rules write them, and with the one in front of it.

        Args:
            text: the text, or a part of it, which is not empty.
            is_first: whether no added token comes before it.
            is_start: whether the part is the first one.
        """
        if self._metaspace is None:
            return " " + text if self._prefix_space and is_start and not text.startswith(" ") else text
        mark, prepend = self._metaspace.mark, self._metaspace.prepend
        text = text.replace(" ", mark)
        is_marked = is_start and (prepend == "always" or (prepend == "first" and is_first))
        return mark + text if is_marked and not text.startswith(mark) else text

    def _marked_stream(self, parts: Iterator[str], *, is_first: bool) -> Iterator[str]:
        is_start = True
        for part in filter(None, parts):
            yield self._marked(part, is_first=is_first, is_start=is_start)
            is_start = False

    def _normalized_strings(self, tokens: Sequence[AddedToken]) -> list[str]:
        """Return the strings to find in normalized text."""
        token_of: dict[str, str] = {}
        for token in tokens:
            string = self._normalizer.apply(token.content)
            if not string:
                raise ValueError(f"nothing is left of the added token {token.content!r} after normalization: remove it")
            other = token_of.setdefault(string, token.content)
            if other != token.content:
                raise ValueError(
                    f"the added tokens {other!r} and {token.content!r} are the same after normalization: remove one"
                )
        return list(token_of)

    def _finders_of(self, allowed: tuple[str, ...]) -> tuple[TokenFinder, TokenFinder]:
        """Return the finders for a text as it is, and for normalized text."""
        known = self._finders.get(allowed)
        if known is None:
            names = frozenset(allowed)
            chosen = [token for token in self._tokens if token.content in names]
            as_it_is = TokenFinder([token for token in chosen if not token.normalized])
            normalized = [token for token in chosen if token.normalized]
            known = as_it_is, TokenFinder(normalized, self._normalized_strings(normalized))
            if len(self._finders) >= _MAX_CHOICES:
                self._finders.clear()
            self._finders[allowed] = known
        return known


def splits_nothing(pattern: str | SplitSteps, normalizer: Sequence[Step]) -> bool:
    """Return whether a text is one piece, as with a pattern for the whole, or one for spaces that are replaced before.

    Gemma's file has both a normalizer that replaces all spaces, and a step that splits at spaces.
    """
    if not isinstance(pattern, SplitSteps):
        return pattern == WHOLE_TEXT
    import regex

    last = normalizer[-1] if normalizer else None
    return (
        isinstance(last, Replace)
        and (last.pattern, last.is_regex) == (" ", False)
        and " " not in last.content
        and all(isinstance(step, Split) and step.pattern == regex.escape(" ") for step in pattern.steps)
        and not any(step.invert for step in pattern.steps if isinstance(step, Split))
    )


def _for_ordinary(
    parts: Iterable[tuple[str, AddedToken | None]], change: Callable[[Iterator[str]], Iterator[Segment]]
) -> Iterator[Segment]:
    """Yield tokens as they are, and what `change` yields for each stretch of ordinary text between two of them."""
    for is_ordinary, group in groupby(parts, lambda part: part[1] is None):
        if is_ordinary:
            yield from change(text for text, _ in group)
        else:
            for text, token in group:
                yield text, token.id if token else None


def _in_two_passes(tokens: Sequence[AddedToken]) -> bool:
    """Return whether finding normalized tokens after the others may give something else than finding all at once."""
    normalized = [token.content for token in tokens if token.normalized]
    others = [token.content for token in tokens if not token.normalized]
    return _may_overlap(normalized, others) or _may_overlap(others, normalized)


def _may_overlap(some: list[str], others: list[str]) -> bool:
    """Return whether one of `others` may start inside one of `some`, or be a prefix of it."""
    inside = set("".join(token[1:] for token in some))
    in_order = [*sorted(some), ""]
    return any(
        token[0] in inside or in_order[bisect_right(in_order, token, hi=len(some))].startswith(token)
        for token in others
    )
