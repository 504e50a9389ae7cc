"""The ids of single pieces, worked out once and remembered."""

from collections.abc import Mapping, Set

from bpe.reference import Pair, merge_by_rank, split_bytes

_MOST_PIECES = 1 << 17
_LONGEST_PIECE = 32  # characters; longer pieces seldom come twice


class PieceIds(dict[str, list[int]]):
    """A table from piece to ids that fills itself: looking up a piece that it lacks merges the piece's bytes.

    Most of a text is the same few thousand words, so nearly every look-up finds an entry. The table keeps short
    pieces only and stops growing at some 130,000 of them.

    >>> pieces = PieceIds({(b"l", b"o"): 0}, {b"l": 1, b"o": 2, b"w": 3, b"lo": 4})
    >>> pieces["low"]
    [4, 3]
    """

    def __init__(
        self, ranks: Mapping[Pair, int], id_of: Mapping[bytes, int], taken_whole: Set[bytes] = frozenset()
    ) -> None:
        """Start an empty table.

        Args:
            ranks: the rank of each merge.
            id_of: the id of each token.
            taken_whole: pieces that are tokens as they stand, whatever the merges would make of them.
        """
        super().__init__()
        self._taken_whole = taken_whole
        self._ranks = ranks
        self._id_of = id_of

    def __missing__(self, piece: str) -> list[int]:
        """Return the ids of `piece`.

        Raises:
            UnicodeEncodeError: the piece has a surrogate; whoever knows the whole text names the place.
            ValueError: a byte of the piece is not in the vocabulary.
        """
        whole = piece.encode()
        tokens = [whole] if whole in self._taken_whole else merge_by_rank(split_bytes(whole), self._ranks)
        try:
            ids = [self._id_of[token] for token in tokens]
        except KeyError as error:
            raise ValueError(
                f"the text contains the byte {error.args[0]!r} (in {piece!r}), which is not in the vocabulary"
            ) from None
        if len(piece) <= _LONGEST_PIECE and len(self) < _MOST_PIECES:
            self[piece] = ids
        return ids
