"""A tokenizer read from files and written to them, in all formats of `bpe.formats`."""

import os
from collections.abc import Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Self

from bpe.complete_files import find_complete_file
from bpe.patterns import DEFAULT_PATTERN
from bpe.pre_tokenizers import SplitSteps
from bpe.special_tokens import SpecialTokens
from bpe.text_rules import TextRules
from bpe.tokenizer_lazy import LazyTokenizer

if TYPE_CHECKING:
    from bpe import formats
    from bpe.formats.any_file import FileKind


class TokenizerWithFiles(LazyTokenizer):
    """Adds reading and writing to `LazyTokenizer`.

    The formats are imported where files are read or written in full, since kept tables make that superfluous.
    """

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
        return cls._from_contents(cls._from_gpt2_files, [vocab_filepath, merges_filepath], special_tokens, pattern)

    @classmethod
    def _from_gpt2_files(
        cls,
        vocab_file: os.PathLike[str],
        merges_file: os.PathLike[str],
        special_tokens: Sequence[str] | Mapping[str, int] | None,
        pattern: str,
    ) -> Self:
        from bpe import formats

        vocab, never_encoded = formats.read_vocab_json(vocab_file, special_tokens or ())
        merges = formats.read_merges_txt(merges_file)
        try:
            rules = TextRules(never_encoded=never_encoded)
            return cls(vocab, merges, special_tokens, pattern=pattern, rules=rules)
        except ValueError as error:
            raise formats.TokenizerFileError(f"{vocab_file} and {merges_file}: {error}") from None

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a tokenizer from a file that contains all of it, or from a folder with such a file.

        - A name that ends in `.model` is that of a SentencePiece model of type BPE, as Llama 2 has.
        - A name that ends in `.bin` is that of a `tokenizer.bin` of llama2.c.
        - Any other file is JSON: a `tokenizer.json`, written by `save` or by the `tokenizers` library, or Mistral's
          `tekken.json`.

        A folder is searched for `tokenizer.json`, `tekken.json`, `tokenizer.model` and `tokenizer.bin`, in this order.

        The file may be untrusted (`bpe.formats.parts` lists the limits that are checked), with one exception: a split
        pattern can make `encode` take time exponential in the length of the text. That cannot happen if `pattern` is
        one of `bpe.PATTERNS.values()`.

        Raises:
            TokenizerFileError: the file is damaged, or describes something that this class cannot do exactly.
            OSError: the file cannot be read.
        """
        return cls._from_contents(cls._from_complete_file, [find_complete_file(path)])

    @classmethod
    def _from_complete_file(cls, file: os.PathLike[str], kind: "FileKind | None" = None) -> Self:
        from bpe.formats.any_file import read_tokenizer_file
        from bpe.formats.parts import TokenizerFileError

        parts = read_tokenizer_file(file, kind)
        try:
            return cls(
                parts.vocab,
                parts.merges,
                parts.special_tokens,
                pattern=parts.pattern,
                ignore_merges=parts.ignore_merges,
                rules=parts.rules,
                characters=parts.characters,
            )
        except ValueError as error:
            raise TokenizerFileError(f"{file}: {error}") from None

    @classmethod
    def from_tekken(cls, path: str | os.PathLike[str]) -> Self:
        """Read Mistral's `tekken.json`, whatever its name is. Its pattern may be untrusted, as for `load`.

        Raises:
            TokenizerFileError: the file is damaged (the entry is named), or its pattern is not allowed in files.
            OSError: the file cannot be read.
        """
        return cls._from_contents(cls._from_complete_file, [path], "tekken")

    @classmethod
    def from_sentencepiece(cls, path: str | os.PathLike[str]) -> Self:
        """Read a SentencePiece model of type BPE, whatever its name is.

        `encode_ordinary` gives the ids of `SentencePieceProcessor.encode`. `encode` also finds control pieces, such as
        `<s>`, in a text, as the `tokenizers` library does.

        Raises:
            TokenizerFileError: the file is damaged, or needs something that this class cannot do exactly, such as a
                model of another type, or normalization by a table of characters.
            OSError: the file cannot be read.
        """
        return cls._from_contents(cls._from_complete_file, [path], "sentencepiece")

    @classmethod
    def from_llama2c(cls, path: str | os.PathLike[str]) -> Self:
        """Read a `tokenizer.bin` of llama2.c, whatever its name is. Ids are those of the SentencePiece model in it.

        Raises:
            TokenizerFileError: the file is damaged (the offset is named).
            OSError: the file cannot be read.
        """
        return cls._from_contents(cls._from_complete_file, [path], "llama2c")

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
        return cls._from_contents(cls._from_tiktoken_file, [path], special_tokens, pattern)

    @classmethod
    def _from_tiktoken_file(
        cls, path: os.PathLike[str], special_tokens: Sequence[str] | Mapping[str, int] | None, pattern: str
    ) -> Self:
        from bpe import formats

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
        from bpe import formats

        formats.write_tokenizer_json(path, self._parts())

    def save_gpt2(self, vocab_filepath: str | os.PathLike[str], merges_filepath: str | os.PathLike[str]) -> None:
        """Write GPT-2's pair of files. They contain neither the pattern nor the special tokens.

        Raises:
            ValueError: two ids would be written in the same way, or the tokenizer has `ignore_merges`, a normalizer or
                anything else that these files cannot express.
            OSError: a file cannot be written.
        """
        from bpe import formats

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
        from bpe import formats

        self._check_simple("a .tiktoken file")
        formats.write_tiktoken(path, self._parts())

    def _check_simple(self, file: str) -> None:
        """Raise an error for a tokenizer that has more to it than its special tokens and one split pattern."""
        if not self._segments.plain or isinstance(self._pattern, SplitSteps) or self._characters is not None:
            what = "added tokens with options"
            if self._characters is not None:
                what = "tokens of characters"
            elif isinstance(self._pattern, SplitSteps):
                what = "several split steps"
            elif self._rules.normalizer:
                what = "a normalizer"
            elif self._rules.prefix_space:
                what = "a prefix space"
            raise ValueError(f"this tokenizer has {what}, which {file} cannot express: save a tokenizer.json instead")

    def _parts(self) -> "formats.TokenizerParts":
        from bpe import formats

        others = {token.content for token in self._rules.added_tokens}
        return formats.TokenizerParts(
            self.vocab,
            self.merges,
            {token.content: token.id for token in self._added_tokens if token.content not in others},
            self._given_pattern if isinstance(self._given_pattern, SplitSteps) else self._pattern_source,
            self._ignore_merges,
            self._rules,
            self._characters,
        )
