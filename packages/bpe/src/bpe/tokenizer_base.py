"""What a tokenizer is made of, how it is read and written, and decoding, which needs the vocabulary alone.

`bpe.tokenizer_kernels.TokenizerWithKernels` adds the choice of the engine, and `bpe.Tokenizer` adds encoding.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Self

from bpe import formats
from bpe.added_tokens import AddedToken
from bpe.patterns import DEFAULT_PATTERN, SplitPattern, compile_pattern, pattern_source
from bpe.pre_tokenizers import SplitSteps
from bpe.reference import Pair
from bpe.special_tokens import SpecialTokens
from bpe.text_rules import NO_RULES, TextRules, TextSegments
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
    ) -> None:
        """Build a tokenizer. Arguments and errors are those of `bpe.Tokenizer`."""
        self._vocab = dict(vocab)
        self._merges = list(merges)
        self._pattern: SplitPattern = pattern if isinstance(pattern, SplitSteps) else compile_pattern(pattern)
        self._pattern_source = pattern.pattern if isinstance(pattern, SplitSteps) else pattern_source(pattern)
        self._rules = rules
        specials = SpecialTokens(tuple(special_tokens) if isinstance(special_tokens, Mapping) else special_tokens or ())
        special_ids = place_special_tokens(self._vocab, special_tokens or ())
        others = {token.content: token.id for token in rules.added_tokens}
        place_special_tokens(self._vocab, others)
        self._added_tokens = (
            *(AddedToken(token, special_ids[token]) for token in specials.tokens),
            *rules.added_tokens,
        )
        self._added_ids = special_ids | others
        self._not_special = frozenset(token.content for token in rules.added_tokens if not token.special)
        self._specials = SpecialTokens([*specials.tokens, *others])
        self._segments = TextSegments(self._added_tokens, rules)
        self._id_of = ids_of_tokens(self._vocab, set(self._added_ids.values()))
        self._ranks: dict[Pair, int] = {}
        for rank, (left, right) in enumerate(self._merges):
            if left + right not in self._id_of:
                raise ValueError(f"merge {rank} makes {left + right!r}, which is not in the vocabulary: add it")
            self._ranks.setdefault((left, right), rank)
        self._ignore_merges = ignore_merges
        self._vocab_size = max(self._vocab, default=-1) + 1

    @classmethod
    def from_files(
        cls,
        vocab_filepath: str | os.PathLike[str],
        merges_filepath: str | os.PathLike[str],
        special_tokens: Sequence[str] | Mapping[str, int] | None = None,
        *,
        pattern: str = DEFAULT_PATTERN,
    ) -> Self:
        """Read GPT-2's pair of files, `vocab.json` and `merges.txt`.

        They contain neither the pattern nor the special tokens, which the caller has to give.

        Raises:
            TokenizerFileError: a file is damaged (what and where is named).
            OSError: a file cannot be read.
        """
        vocab = formats.read_vocab_json(vocab_filepath, special_tokens or ())
        merges = formats.read_merges_txt(merges_filepath)
        try:
            return cls(vocab, merges, special_tokens, pattern=pattern)
        except ValueError as error:
            raise formats.TokenizerFileError(f"{vocab_filepath} and {merges_filepath}: {error}") from None

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a `tokenizer.json`, written by `save` or by the `tokenizers` library for a byte-level BPE.

        The file may be untrusted (`bpe.formats.parts` lists the limits that are checked), with one exception: a split
        pattern can make `encode` take time exponential in the length of the text. That cannot happen if `pattern` is
        one of `bpe.PATTERNS.values()`.

        Raises:
            TokenizerFileError: the file is damaged, or describes something that this class cannot do exactly.
            OSError: the file cannot be read.
        """
        parts = formats.read_tokenizer_json(path)
        try:
            return cls(
                parts.vocab,
                parts.merges,
                parts.special_tokens,
                pattern=parts.pattern,
                ignore_merges=parts.ignore_merges,
                rules=parts.rules,
            )
        except ValueError as error:
            raise formats.TokenizerFileError(f"{path}: {error}") from None

    @classmethod
    def from_tiktoken(
        cls,
        path: str | os.PathLike[str],
        special_tokens: Sequence[str] | Mapping[str, int] | None = None,
        *,
        pattern: str = "cl100k",
    ) -> Self:
        """Read tiktoken's `.tiktoken` file: tokens and their ranks, which are their ids.

        The file contains neither the pattern nor the special tokens. Wrong ones give other ids without an error. GPT-4
        and Llama 3 have the pattern `cl100k`, GPT-4o has `o200k`, GPT-2 has `gpt2`.

        The merges are recovered from the ranks (`bpe.formats.merge_recovery` explains how, and why the result is
        exact). If there are tokens that no merge makes, `ignore_merges` is set.

        Args:
            path: the file.
            special_tokens: the special tokens with their ids. Without ids they are numbered after the largest rank, in
                the order given.
            pattern: the split pattern, a name of `bpe.PATTERNS` or a regular expression.

        Raises:
            TokenizerFileError: the file is damaged (the line is named).
            ValueError: as for `Tokenizer`.
            OSError: the file cannot be read.
        """
        ranks = formats.read_tiktoken(path)
        merges, unreachable = formats.recover_merges(ranks)
        vocab = {rank: token for token, rank in ranks.items()}
        if special_tokens and not isinstance(special_tokens, str | Mapping):
            special_tokens = dict(zip(SpecialTokens(special_tokens).tokens, count(max(vocab) + 1)))
        return cls(vocab, merges, special_tokens, pattern=pattern, ignore_merges=bool(unreachable))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a `tokenizer.json` that the `tokenizers` library loads too, with the same ids.

        Raises:
            ValueError: two ids would be written in the same way, a merge involves a special token, or that library
                may interpret the pattern differently (see `bpe.formats.portable_patterns`).
            OSError: the file cannot be written.
        """
        formats.write_tokenizer_json(path, self._parts())

    def save_gpt2(self, vocab_filepath: str | os.PathLike[str], merges_filepath: str | os.PathLike[str]) -> None:
        """Write GPT-2's pair of files. They contain neither the pattern nor the special tokens.

        Raises:
            ValueError: two ids would be written in the same way, or the tokenizer has `ignore_merges`, a normalizer or
                anything else that these files cannot express.
            OSError: a file cannot be written.
        """
        self._check_simple("vocab.json and merges.txt")
        if self._ignore_merges:
            raise ValueError(
                "ignore_merges is set, which vocab.json and merges.txt cannot express: save a tokenizer.json instead"
            )
        formats.write_vocab_json(vocab_filepath, self._parts())
        formats.write_merges_txt(merges_filepath, self._merges)

    def save_tiktoken(self, path: str | os.PathLike[str]) -> None:
        """Write a `.tiktoken` file, with which tiktoken gives the same ids.

        It contains neither the pattern nor the special tokens, which are needed to read it again:
        `Tokenizer.from_tiktoken(path, tokenizer.special_tokens, pattern=tokenizer.pattern)`.

        Raises:
            ValueError: the ids do not increase from merge to merge, a token can be made in two ways or in none, or two
                ids have the same bytes, or the tokenizer has a normalizer or anything else that the file cannot
                express: such a tokenizer needs a `tokenizer.json`.
            OSError: the file cannot be written.
        """
        self._check_simple("a .tiktoken file")
        formats.write_tiktoken(path, self._parts())

    def _check_simple(self, file: str) -> None:
        """Raise an error for a tokenizer that has more to it than its special tokens and one split pattern."""
        if not self._segments.plain or isinstance(self._pattern, SplitSteps):
            what = "added tokens with options"
            if isinstance(self._pattern, SplitSteps):
                what = "several split steps"
            elif self._rules.normalizer:
                what = "a normalizer"
            elif self._rules.prefix_space:
                what = "a prefix space"
            raise ValueError(f"this tokenizer has {what}, which {file} cannot express: save a tokenizer.json instead")

    def _parts(self) -> formats.TokenizerParts:
        others = {token.content for token in self._rules.added_tokens}
        return formats.TokenizerParts(
            self.vocab,
            self.merges,
            {token.content: token.id for token in self._added_tokens if token.content not in others},
            self._pattern if isinstance(self._pattern, SplitSteps) else self._pattern_source,
            self._ignore_merges,
            self._rules,
        )

    @property
    def vocab(self) -> dict[int, bytes]:
        """The bytes of each id (a copy)."""
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
        return hashlib.sha256(json.dumps(content, ensure_ascii=True).encode()).hexdigest()

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Return the bytes of the ids, joined.

        Raises:
            ValueError: an id is not in the vocabulary.
        """
        try:
            return b"".join([self._vocab[token_id] for token_id in ids])
        except KeyError as error:
            raise ValueError(
                f"id {error.args[0]!r} is not in the vocabulary, whose largest id is {self.vocab_size - 1}"
            ) from None

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of the ids. Malformed UTF-8 is replaced by U+FFFD.

        Raises:
            ValueError: an id is not in the vocabulary.
        """
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def decode_batch(self, batch: Iterable[Iterable[int]]) -> list[str]:
        """Return the text of each sequence of ids, as `decode` gives it."""
        return [self.decode(ids) for ids in batch]

    def _ordinary_ids(self) -> dict[bytes, int]:
        """Return the ids of the tokens that are not special."""
        special_ids = set(self._added_ids.values())
        return {token: token_id for token, token_id in self._id_of.items() if token_id not in special_ids}
