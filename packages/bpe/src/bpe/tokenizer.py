"""The tokenizer: text to ids and back."""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

from bpe import formats
from bpe.patterns import DEFAULT_PATTERN, compile_pattern, pattern_source, split_pieces
from bpe.reference import Pair, merge_by_rank, split_bytes
from bpe.special_tokens import SpecialTokens
from bpe.streaming import safe_parts

_CACHED_PIECES = 1 << 17
_CACHED_PIECE_LENGTH = 32


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
        special_tokens: Sequence[str] | None = None,
        *,
        pattern: str = DEFAULT_PATTERN,
    ) -> None:
        """Build a tokenizer.

        Args:
            vocab: the bytes of each id.
            merges: the pairs to merge, the first one first.
            special_tokens: strings that stand for one id each; those missing from `vocab` are appended after
                its largest id.
            pattern: the split pattern, a name of `bpe.PATTERNS` or a regular expression.

        Raises:
            ValueError: an id is negative, a merge makes bytes that are not in `vocab`, a special token is empty
                or given twice, or the pattern is not a regular expression.
        """
        self._vocab = dict(vocab)
        self._merges = list(merges)
        self._pattern_source = pattern_source(pattern)
        self._pattern = compile_pattern(pattern)
        self._specials = SpecialTokens(special_tokens or ())
        self._special_ids = _place_special_tokens(self._vocab, self._specials.tokens)
        self._id_of = _invert(self._vocab, set(self._special_ids.values()))
        self._ranks: dict[Pair, int] = {}
        for rank, pair in enumerate(self._merges):
            if pair[0] + pair[1] not in self._id_of:
                raise ValueError(f"merge {rank} makes {pair[0] + pair[1]!r}, which is not in the vocabulary: add it")
            self._ranks.setdefault(pair, rank)
        self._cache: dict[str, list[int]] = {}

    @classmethod
    def from_files(
        cls,
        vocab_filepath: str | os.PathLike[str],
        merges_filepath: str | os.PathLike[str],
        special_tokens: Sequence[str] | None = None,
        *,
        pattern: str = DEFAULT_PATTERN,
    ) -> "Tokenizer":
        """Read GPT-2's pair of files, `vocab.json` and `merges.txt`.

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

        Raises:
            TokenizerFileError: the file is damaged, or describes something that this class cannot do exactly.
            OSError: the file cannot be read.
        """
        parts = formats.read_tokenizer_json(path)
        try:
            return cls(parts.vocab, parts.merges, list(parts.special_tokens), pattern=parts.pattern)
        except ValueError as error:
            raise formats.TokenizerFileError(f"{path}: {error}") from None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a `tokenizer.json` that the `tokenizers` library loads too.

        A pattern of your own is read there by another engine (Oniguruma), which must understand it.

        Raises:
            ValueError: two ids would be written alike, or a merge is bound up with a special token.
            OSError: the file cannot be written.
        """
        formats.write_tokenizer_json(path, self._parts())

    def save_gpt2(self, vocab_filepath: str | os.PathLike[str], merges_filepath: str | os.PathLike[str]) -> None:
        """Write GPT-2's pair of files. They hold neither the pattern nor which tokens are special."""
        formats.write_vocab_json(vocab_filepath, self._parts())
        formats.write_merges_txt(merges_filepath, self._merges)

    def _parts(self) -> formats.TokenizerParts:
        return formats.TokenizerParts(self.vocab, self.merges, self.special_tokens, self._pattern_source)

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
    def vocab_size(self) -> int:
        """One more than the largest id: the rows that an embedding needs."""
        return max(self._vocab, default=-1) + 1

    @property
    def fingerprint(self) -> str:
        """SHA-256 over all that decides the ids: two tokenizers that have it in common encode alike."""
        content = {
            "vocab": sorted((token_id, token.hex()) for token_id, token in self._vocab.items()),
            "merges": [(left.hex(), right.hex()) for left, right in self._merges],
            "special_tokens": sorted(self._special_ids.items()),
            "pattern": self._pattern_source,
        }
        return hashlib.sha256(json.dumps(content, ensure_ascii=True).encode()).hexdigest()

    def encode(self, text: str) -> list[int]:
        """Return the ids of `text`; special tokens in it become their ids.

        Raises:
            ValueError: a byte of the text is not in the vocabulary.
        """
        ids: list[int] = []
        for part, is_special in self._specials.split(text):
            self._encode_part(part, is_special, ids)
        return ids

    def encode_iterable(self, iterable: Iterable[str]) -> Iterator[int]:
        """Yield the ids of the joined strings lazily, the same as `encode` would give, wherever they were cut.

        Memory does not grow with the input (see `bpe.streaming.safe_parts` for what bounds it).

        Raises:
            ValueError: a byte of the text is not in the vocabulary.
        """
        for part, is_special in safe_parts(iterable, self._specials, self._pattern):
            ids: list[int] = []
            self._encode_part(part, is_special, ids)
            yield from ids

    def _encode_part(self, part: str, is_special: bool, ids: list[int]) -> None:
        if is_special:
            ids.append(self._special_ids[part])
            return
        cache = self._cache
        for piece in split_pieces(part, self._pattern):
            known = cache.get(piece)
            ids += self._encode_piece(piece) if known is None else known

    def _encode_piece(self, piece: str) -> list[int]:
        tokens = merge_by_rank(split_bytes(piece.encode()), self._ranks)
        try:
            ids = [self._id_of[token] for token in tokens]
        except KeyError as error:
            raise ValueError(
                f"the text contains the byte {error.args[0]!r} (in {piece!r}), which is not in the vocabulary"
            ) from None
        if len(piece) <= _CACHED_PIECE_LENGTH and len(self._cache) < _CACHED_PIECES:
            self._cache[piece] = ids
        return ids

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


def _place_special_tokens(vocab: dict[int, bytes], special_tokens: Sequence[str]) -> dict[str, int]:
    """Find the id of each special token, appending to `vocab` those that it lacks."""
    if vocab and min(vocab) < 0:
        raise ValueError(f"id {min(vocab)} is negative: ids count from 0")
    lowest_id: dict[bytes, int] = {}
    for token_id in sorted(vocab):
        lowest_id.setdefault(vocab[token_id], token_id)
    ids = {}
    next_id = max(vocab, default=-1) + 1
    for token in special_tokens:
        if token.encode() not in lowest_id:
            vocab[next_id] = token.encode()
            lowest_id[token.encode()] = next_id
            next_id += 1
        ids[token] = lowest_id[token.encode()]
    return ids


def _invert(vocab: Mapping[int, bytes], special_ids: set[int]) -> dict[bytes, int]:
    """Map the bytes of ordinary tokens to their ids, the lowest where several have the same bytes.

    A special token's id stands for its bytes only where no other id does: then a merge may produce them.
    """
    id_of: dict[bytes, int] = {}
    for token_id in sorted(vocab, key=lambda token_id: (token_id in special_ids, token_id)):
        id_of.setdefault(vocab[token_id], token_id)
    return id_of
