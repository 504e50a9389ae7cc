"""What a tokenizer is made of, and decoding, which needs the vocabulary alone.

`bpe.tokenizer_files` adds reading and writing, `bpe.tokenizer_kernels` the two engines, and `bpe.Tokenizer` encoding.
"""

from collections.abc import Iterable, Mapping, Sequence

from bpe.added_tokens import AddedToken
from bpe.character_model import CharacterModel
from bpe.patterns import DEFAULT_PATTERN, SplitPattern, compile_pattern, pattern_source, split_pattern
from bpe.pre_tokenizers import SplitSteps
from bpe.reference import Pair
from bpe.special_tokens import SpecialTokens
from bpe.text_rules import NO_RULES, TextRules, TextSegments, splits_nothing
from bpe.vocabulary import ids_of_tokens, place_special_tokens


class TokenizerBase:
    """A fixed vocabulary and merges, with special tokens and a split pattern."""

    def __init__(
        self,
        vocab: Mapping[int, bytes],
        merges: Iterable[Pair],
        special_tokens: Sequence[str] | Mapping[str, int] | None = None,
        *,
        pattern: str | SplitSteps = DEFAULT_PATTERN,
        ignore_merges: bool = False,
        rules: TextRules = NO_RULES,
        characters: CharacterModel | None = None,
    ) -> None:
        """Build a tokenizer. Arguments and errors are those of `bpe.Tokenizer`."""
        self._vocab = dict(vocab)
        self._merges = list(merges)
        self._given_pattern = pattern
        self._pattern: SplitPattern = pattern if isinstance(pattern, SplitSteps) else split_pattern(pattern)
        self._pattern_source = pattern.pattern if isinstance(pattern, SplitSteps) else pattern_source(pattern)
        self._rules = rules
        self._characters = characters
        specials = SpecialTokens(tuple(special_tokens) if isinstance(special_tokens, Mapping) else special_tokens or ())
        special_ids = place_special_tokens(self._vocab, special_tokens or ())
        others = {token.content: token.id for token in rules.added_tokens}
        place_special_tokens(self._vocab, others)
        self._added_tokens = (
            *(AddedToken(token, special_ids[token]) for token in specials.tokens),
            *rules.added_tokens,
        )
        self._added_ids = special_ids | others
        self._special_ids = frozenset(token.id for token in self._added_tokens if token.special)
        self._not_special = frozenset(token.content for token in rules.added_tokens if not token.special)
        self._specials = SpecialTokens([*specials.tokens, *others])
        self._segments = TextSegments(self._added_tokens, rules)
        self._not_ordinary = rules.never_encoded.union(self._added_ids.values())
        self._id_of = ids_of_tokens(self._vocab, self._not_ordinary)
        for rank, (left, right) in enumerate(self._merges):
            if left + right not in self._id_of:
                raise ValueError(f"merge {rank} makes {left + right!r}, which is not in the vocabulary: add it")
        # Backwards, because the first of several equal merges counts.
        self._ranks: dict[Pair, int] = dict(
            zip(reversed(self._merges), reversed(range(len(self._merges))), strict=True)
        )
        self._ignore_merges = ignore_merges
        self._vocab_size = max(self._vocab, default=-1) + 1
        self._text_of = self._vocab
        if characters is not None:
            self._text_of = characters.decoded(self._vocab)
            if splits_nothing(pattern, rules.normalizer) and not ignore_merges:
                short = characters.short_pieces(self._merges, self._id_of)
                self._pattern = self._pattern if short is None else compile_pattern(short)

    @property
    def vocab(self) -> dict[int, bytes]:
        """The bytes of each id (a copy). For BPE over characters they are those of the token as it is written."""
        return dict(self._vocab)

    @property
    def merges(self) -> list[Pair]:
        """The merges in order (a copy)."""
        return list(self._merges)

    @property
    def special_tokens(self) -> dict[str, int]:
        """The id of each special token (a copy)."""
        return {token.content: token.id for token in self._added_tokens if token.special}

    @property
    def added_tokens(self) -> tuple[AddedToken, ...]:
        """The special tokens, and the other tokens that are found in a text before it is split into pieces."""
        return self._added_tokens

    @property
    def pattern(self) -> str:
        """The regular expression that cuts text into pieces, or a description if there are several steps."""
        return self._pattern_source

    @property
    def characters(self) -> CharacterModel | None:
        """The options of BPE over characters; None for BPE over bytes."""
        return self._characters

    @property
    def rules(self) -> TextRules:
        """What is done to a text besides: its normalizer, its added tokens with options, a space in front."""
        return self._rules

    @property
    def ignore_merges(self) -> bool:
        """Whether a piece that is itself a token is encoded as it, whatever the merges would give."""
        return self._ignore_merges

    @property
    def vocab_size(self) -> int:
        """One more than the largest id: the number of rows that an embedding needs."""
        return self._vocab_size

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything that determines the ids: tokenizers with the same fingerprint give the same ids."""
        import hashlib
        import json

        content: dict[str, object] = {
            "vocab": sorted((token_id, token.hex()) for token_id, token in self._vocab.items()),
            "merges": [(left.hex(), right.hex()) for left, right in self._merges],
            "special_tokens": sorted(self._added_ids.items()),
            "pattern": self._pattern_source,
        }
        # Options are there only if they are used, so that fingerprints from before they existed are unchanged.
        if self._ignore_merges:
            content["ignore_merges"] = True
        if not self._segments.plain:
            content["rules"] = self._rules.description()
        if self._rules.never_encoded:
            content["never_encoded"] = sorted(self._rules.never_encoded)
        if self._characters is not None:
            content["characters"] = repr(self._characters)
        return hashlib.sha256(json.dumps(content, ensure_ascii=True).encode()).hexdigest()

    @property
    def begin_ids(self) -> tuple[int, ...]:
        """The ids that `add_special_tokens` puts before a text, such as the one of a token for its beginning."""
        return self._rules.template.begin_ids

    @property
    def end_ids(self) -> tuple[int, ...]:
        """The ids that `add_special_tokens` puts after a text."""
        return self._rules.template.end_ids

    def decode_bytes(self, ids: Iterable[int], *, skip_special_tokens: bool = False) -> bytes:
        """Return the bytes of the ids, joined.

        Args:
            ids: any ids of the vocabulary.
            skip_special_tokens: whether to ignore the ids of special tokens.

        Raises:
            ValueError: an id is not in the vocabulary.
        """
        if skip_special_tokens:
            ids = [token_id for token_id in ids if token_id not in self._special_ids]
        try:
            return b"".join([self._text_of[token_id] for token_id in ids])
        except KeyError as error:
            raise ValueError(
                f"id {error.args[0]!r} is not in the vocabulary, whose largest id is {self.vocab_size - 1}"
            ) from None

    def decode(self, ids: Iterable[int], *, skip_special_tokens: bool = False) -> str:
        """Return the text of the ids. Malformed UTF-8 is replaced by U+FFFD.

        Args:
            ids: any ids of the vocabulary.
            skip_special_tokens: whether to ignore the ids of special tokens.

        Raises:
            ValueError: an id is not in the vocabulary.
        """
        text = self.decode_bytes(ids, skip_special_tokens=skip_special_tokens).decode("utf-8", errors="replace")
        return self.text_from_start(text)

    def text_from_start(self, text: str) -> str:
        """Return a decoded text as it is at the beginning: without the space that a character model put before it."""
        return text if self._characters is None else self._characters.without_start(text)

    def decode_batch(self, batch: Iterable[Iterable[int]], *, skip_special_tokens: bool = False) -> list[str]:
        """Return the text of each sequence of ids, as `decode` gives it."""
        return [self.decode(ids, skip_special_tokens=skip_special_tokens) for ids in batch]

    def _ordinary_ids(self) -> dict[bytes, int]:
        """Return the ids of the tokens that are not special."""
        return {token: token_id for token, token_id in self._id_of.items() if token_id not in self._not_ordinary}
