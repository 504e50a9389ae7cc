"""The ids of pieces, computed once and cached."""

from collections.abc import Mapping, Set

from bpe.reference import Pair, merge_by_rank, split_bytes
from bpe.stand_ins import from_stand_ins

_MAX_PIECES = 1 << 17
_LONGEST_PIECE = 32  # characters; longer pieces are rarely repeated


def missing_byte_error(byte: bytes, text: str) -> ValueError:
    """Return the error for a byte that has no id, with some text that contains it."""
    return ValueError(f"the text contains the byte {byte!r} (in {text!r}), which is not in the vocabulary")


class PieceIds(dict[str, list[int]]):
    """A dictionary from piece to ids that fills itself: looking up a missing piece merges its bytes.

    Most of a text consists of the same few thousand words, so nearly every look-up finds an entry. Only short pieces
    are kept, and at most some 130,000 of them.

    >>> pieces = PieceIds({(b"l", b"o"): 0}, {b"l": 1, b"o": 2, b"w": 3, b"lo": 4})
    >>> pieces["low"]
    [4, 3]
    """

    def __init__(
        self,
        ranks: Mapping[Pair, int],
        id_of: Mapping[bytes, int],
        never_merged: Set[bytes] = frozenset(),
        *,
        in_stand_ins: bool = False,
    ) -> None:
        """Start an empty table.

        Args:
            ranks: the rank of each merge.
            id_of: the id of each token.
            never_merged: pieces that are encoded as one token, whatever the merges would give.
            in_stand_ins: whether the bytes of pieces are written in stand-ins.
        """
        super().__init__()
        self._never_merged = never_merged
        self._bytes_of = from_stand_ins if in_stand_ins else str.encode
        self._ranks = ranks
        self._id_of = id_of

    def __missing__(self, piece: str) -> list[int]:
        """Return the ids of `piece`.

        Raises:
            UnicodeEncodeError: the piece contains a surrogate; the caller, which has the whole text, reports its
                position.
            ValueError: a byte of the piece is not in the vocabulary.
        """
        whole = self._bytes_of(piece)
        tokens = [whole] if whole in self._never_merged else merge_by_rank(self._first_tokens(piece), self._ranks)
        try:
            ids = [self._id_of[token] for token in tokens]
        except KeyError as error:
            raise missing_byte_error(error.args[0], whole.decode(errors="replace")) from None
        if len(piece) <= _LONGEST_PIECE and len(self) < _MAX_PIECES:
            self[piece] = ids
        return ids

    def _first_tokens(self, piece: str) -> list[bytes]:
        """Return the tokens that merging starts from: the bytes of the piece."""
        return split_bytes(self._bytes_of(piece))
