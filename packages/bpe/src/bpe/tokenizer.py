"""The tokenizer: text to ids and back."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, count
from typing import TYPE_CHECKING

from bpe import formats
from bpe.checks import Engine, check_engine, check_num_threads
from bpe.offsets import surrogate_error, token_offsets
from bpe.patterns import DEFAULT_PATTERN, compile_pattern, pattern_source, split_pieces
from bpe.piece_ids import PieceIds
from bpe.reference import Pair
from bpe.special_policy import Special, allowed_in
from bpe.special_tokens import SpecialTokens
from bpe.streaming import safe_parts
from bpe.token_files import id_dtype, import_numpy
from bpe.vocabulary import ids_of_tokens, place_special_tokens

if TYPE_CHECKING:
    import numpy


class Tokenizer:
    """Byte-level BPE with a fixed vocabulary and merges.

    >>> vocab = dict(enumerate([b" ", b"a", b"c", b"e", b"h", b"t", b"th", b" c", b" a", b"the", b" at"]))
    >>> merges = [(b"t", b"h"), (b" ", b"c"), (b" ", b"a"), (b"th", b"e"), (b" a", b"t")]
    >>> tokenizer = Tokenizer(vocab, merges)
    >>> tokenizer.encode("the cat ate")
    [9, 7, 1, 5, 10, 3]
    >>> tokenizer.decode([9, 7, 1, 5, 10, 3])
    'the cat ate'
    """

    def __init__(
        self,
        vocab: Mapping[int, bytes],
        merges: Iterable[Pair],
        special_tokens: Sequence[str] | Mapping[str, int] | None = None,
        *,
        pattern: str = DEFAULT_PATTERN,
        ignore_merges: bool = False,
        engine: Engine = "auto",
    ) -> None:
        """Build a tokenizer.

        Args:
            vocab: the bytes of each id.
            merges: the pairs to merge, the first one first.
            special_tokens: strings that stand for one id each; those missing from `vocab` are appended after
                its largest id. Given with their ids, they have those.
            pattern: the split pattern, a name of `bpe.PATTERNS` or a regular expression.
            ignore_merges: take a piece that is itself an (ordinary) token whole, whatever the merges would make of
                it. Vocabularies with tokens that no merge makes need it, such as Llama 3's.
            engine: which code turns text into ids. "auto" picks the faster one for each input; the ids are the
                same with all.

        Raises:
            ValueError: an id is negative, a merge makes bytes that are not in `vocab`, a special token is empty,
                given twice or given an id that has other bytes, the pattern is not a regular expression, or there
                is no such engine.
        """
        check_engine(engine)
        self._engine = engine
        self._vocab = dict(vocab)
        self._merges = list(merges)
        self._pattern_source = pattern_source(pattern)
        self._pattern = compile_pattern(pattern)
        self._specials = SpecialTokens(
            tuple(special_tokens) if isinstance(special_tokens, Mapping) else special_tokens or ()
        )
        self._special_ids = place_special_tokens(self._vocab, special_tokens or ())
        special_ids = set(self._special_ids.values())
        self._id_of = ids_of_tokens(self._vocab, special_ids)
        self._ranks: dict[Pair, int] = {}
        for rank, (left, right) in enumerate(self._merges):
            if left + right not in self._id_of:
                raise ValueError(f"merge {rank} makes {left + right!r}, which is not in the vocabulary: add it")
            self._ranks.setdefault((left, right), rank)
        self._ignore_merges = ignore_merges
        taken_whole: set[bytes] = set()
        if ignore_merges:
            taken_whole = {token for token, token_id in self._id_of.items() if token_id not in special_ids}
        self._piece_ids = PieceIds(self._ranks, self._id_of, taken_whole)

    @classmethod
    def from_files(
        cls,
        vocab_filepath: str | os.PathLike[str],
        merges_filepath: str | os.PathLike[str],
        special_tokens: Sequence[str] | Mapping[str, int] | None = None,
        *,
        pattern: str = DEFAULT_PATTERN,
    ) -> "Tokenizer":
        """Read GPT-2's pair of files, `vocab.json` and `merges.txt`.

        They hold neither the pattern nor which tokens are special: both are the caller's to know.

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
    def load(cls, path: str | os.PathLike[str]) -> "Tokenizer":
        """Read a `tokenizer.json`, ours or any byte-level BPE of the `tokenizers` library.

        The file may come from a stranger (`bpe.formats.parts` states the limits that it is held to), but the time
        that a pattern takes is not known beforehand: a bad one makes `encode` take time exponential in the text.
        A tokenizer whose `pattern` is one of `bpe.PATTERNS.values()` has none of that.

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
    ) -> "Tokenizer":
        """Read tiktoken's `.tiktoken` file: tokens and their ranks, which are their ids.

        The file holds neither the pattern nor the special tokens: a wrong one gives other ids without an error.
        `cl100k` is the pattern of GPT-4 and Llama 3; GPT-4o has `o200k`, GPT-2 `gpt2`.

        The merges are recovered from the ranks (`bpe.formats.merge_recovery` says how, and why that is exact). If
        there are tokens that no merge makes, `ignore_merges` is set.

        Args:
            path: the file.
            special_tokens: the special tokens with their ids; without ids they come after the largest rank, in the
                order given.
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
            ValueError: two ids would be written alike, a merge is bound up with a special token, or that library's
                regular expressions may not mean the same by the pattern (see `bpe.formats.portable_patterns`).
            OSError: the file cannot be written.
        """
        formats.write_tokenizer_json(path, self._parts())

    def save_gpt2(self, vocab_filepath: str | os.PathLike[str], merges_filepath: str | os.PathLike[str]) -> None:
        """Write GPT-2's pair of files. They hold neither the pattern nor which tokens are special.

        Raises:
            ValueError: two ids would be written alike, or `ignore_merges` is set, which these files cannot say.
            OSError: a file cannot be written.
        """
        if self._ignore_merges:
            raise ValueError(
                "ignore_merges is set, which vocab.json and merges.txt cannot say: save a tokenizer.json instead"
            )
        formats.write_vocab_json(vocab_filepath, self._parts())
        formats.write_merges_txt(merges_filepath, self._merges)

    def save_tiktoken(self, path: str | os.PathLike[str]) -> None:
        """Write a `.tiktoken` file, from which tiktoken gives the same ids.

        It holds neither the pattern nor the special tokens: keep them, as
        `Tokenizer.from_tiktoken(path, tokenizer.special_tokens, pattern=tokenizer.pattern)` needs them.

        Raises:
            ValueError: the ids do not rise from merge to merge, a token can be made in two ways or in none, or two
                ids stand for the same bytes: such a tokenizer needs a `tokenizer.json`.
            OSError: the file cannot be written.
        """
        formats.write_tiktoken(path, self._parts())

    def _parts(self) -> formats.TokenizerParts:
        return formats.TokenizerParts(
            self.vocab, self.merges, self.special_tokens, self._pattern_source, self._ignore_merges
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
        return dict(self._special_ids)

    @property
    def pattern(self) -> str:
        """The regular expression that cuts text into pieces."""
        return self._pattern_source

    @property
    def ignore_merges(self) -> bool:
        """Whether a piece that is itself a token is taken whole, whatever the merges would make of it."""
        return self._ignore_merges

    @property
    def vocab_size(self) -> int:
        """One more than the largest id: the rows that an embedding needs."""
        return max(self._vocab, default=-1) + 1

    @property
    def fingerprint(self) -> str:
        """SHA-256 over all that decides the ids: two tokenizers that have it in common encode alike."""
        import hashlib
        import json

        content: dict[str, object] = {
            "vocab": sorted((token_id, token.hex()) for token_id, token in self._vocab.items()),
            "merges": [(left.hex(), right.hex()) for left, right in self._merges],
            "special_tokens": sorted(self._special_ids.items()),
            "pattern": self._pattern_source,
        }
        if self._ignore_merges:  # only then, so that tokenizers from before there was such a thing keep theirs
            content["ignore_merges"] = True
        return hashlib.sha256(json.dumps(content, ensure_ascii=True).encode()).hexdigest()

    def encode(self, text: str, *, allowed_special: Special = "all", disallowed_special: Special = ()) -> list[int]:
        """Return the ids of `text`; special tokens in it become their ids.

        `tiktoken` instead refuses a text with special tokens in it unless told otherwise, which is right for text
        from strangers: `allowed_special=(), disallowed_special="all"` does the same here.

        Args:
            text: any text.
            allowed_special: the special tokens to recognize: "all", or a collection of their strings.
            disallowed_special: the special tokens to refuse: "all" (that are not allowed), or a collection of
                their strings. Those neither allowed nor disallowed are encoded as ordinary text.

        Raises:
            ValueError: a disallowed special token is in the text, a name is no special token, the text has a
                surrogate in it, or a byte of the text is not in the vocabulary.
        """
        try:
            return list(chain.from_iterable(self._id_runs(text, allowed_special, disallowed_special)))
        except UnicodeEncodeError:
            raise surrogate_error(text) from None

    def encode_ordinary(self, text: str) -> list[int]:
        """Return the ids of `text`, in which nothing counts as a special token.

        Raises:
            ValueError: the text has a surrogate in it, or a byte that is not in the vocabulary.
        """
        return self.encode(text, allowed_special=())

    def encode_batch(
        self,
        texts: Iterable[str],
        *,
        num_threads: int | None = None,
        allowed_special: Special = "all",
        disallowed_special: Special = (),
    ) -> list[list[int]]:
        """Return the ids of each text, as `encode` gives them.

        Args:
            texts: the texts.
            num_threads: how many threads may share the work; None means all processor cores. (Plain Python
                can't share it, so the textbook engine uses one.)
            allowed_special: as for `encode`.
            disallowed_special: as for `encode`.

        Raises:
            ValueError: as for `encode`; or `num_threads` is not positive, or `texts` is one string.
        """
        check_num_threads(num_threads)
        if isinstance(texts, str):
            raise ValueError("texts is one string: give a list of strings, or call encode")
        return [
            self.encode(text, allowed_special=allowed_special, disallowed_special=disallowed_special) for text in texts
        ]

    def encode_to_numpy(
        self, text: str, *, allowed_special: Special = "all", disallowed_special: Special = ()
    ) -> "numpy.ndarray":
        """Return the ids of `text` as an array, `uint16` if `vocab_size` is at most 65,536, else `uint32`.

        Needs numpy. Arguments and errors are those of `encode`.
        """
        np = import_numpy()
        ids = chain.from_iterable(self._id_runs(text, allowed_special, disallowed_special))
        try:
            return np.fromiter(ids, id_dtype(self.vocab_size))
        except UnicodeEncodeError:
            raise surrogate_error(text) from None

    def count_tokens(self, text: str, *, allowed_special: Special = "all", disallowed_special: Special = ()) -> int:
        """Return how many ids `encode` gives, without building their list. Arguments and errors are the same."""
        try:
            return sum(map(len, self._id_runs(text, allowed_special, disallowed_special)))
        except UnicodeEncodeError:
            raise surrogate_error(text) from None

    def encode_with_offsets(
        self, text: str, *, allowed_special: Special = "all", disallowed_special: Special = ()
    ) -> tuple[list[int], list[tuple[int, int]]]:
        """Return the ids of `text`, and for each its `(start, end)` in characters of the text.

        A token that holds only some bytes of a character covers the whole character, so offsets may overlap.
        Arguments and errors are those of `encode`.
        """
        ids = self.encode(text, allowed_special=allowed_special, disallowed_special=disallowed_special)
        return ids, token_offsets(map(self._vocab.__getitem__, ids))

    def encode_iterable(self, iterable: Iterable[str]) -> Iterator[int]:
        """Yield the ids of the joined strings lazily, the same as `encode` would give, wherever they were cut.

        Memory does not grow with the input (see `bpe.streaming.safe_parts` for what bounds it).

        Raises:
            ValueError: the text has a surrogate in it, or a byte that is not in the vocabulary.
        """
        position = 0
        for part, is_special in safe_parts(iterable, self._specials, self._pattern):
            try:
                yield from [self._special_ids[part]] if is_special else chain.from_iterable(self._encode_part(part))
            except UnicodeEncodeError:
                raise surrogate_error(part, position) from None
            position += len(part)

    def _id_runs(self, text: str, allowed_special: Special, disallowed_special: Special) -> Iterator[Sequence[int]]:
        """Return the ids of `text` run by run; joined they are what `encode` returns."""
        allowed = allowed_in(text, self._specials, allowed_special, disallowed_special)
        return chain.from_iterable(
            ((self._special_ids[part],),) if is_special else self._encode_part(part)
            for part, is_special in allowed.split(text)
        )

    def _encode_part(self, part: str) -> Iterator[Sequence[int]]:
        """Return the ids of ordinary text run by run (here: piece by piece).

        All text but special tokens becomes ids here and nowhere else. A surrogate raises `UnicodeEncodeError`,
        now or when the runs are read.
        """
        return map(self._piece_ids.__getitem__, split_pieces(part, self._pattern))

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Return the bytes that the ids stand for.

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
        """Return the text that the ids stand for, U+FFFD taking the place of malformed UTF-8.

        Raises:
            ValueError: an id is not in the vocabulary.
        """
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def decode_batch(self, batch: Iterable[Iterable[int]]) -> list[str]:
        """Return the text of each sequence of ids, as `decode` gives it."""
        return [self.decode(ids) for ids in batch]
