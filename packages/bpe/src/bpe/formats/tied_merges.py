"""Merges of equal score: SentencePiece joins the leftmost pair, where a list of merges has an order.

In published models only runs of spaces have equal scores: ▁▁, ▁▁▁ and so on. Generally, the leftmost of equals cannot
be expressed by an order. For runs of one character it can: the merge of the longer piece first.

**Why this is exact.** A run consists of single characters at first, and the leftmost pair that can be joined is always
at the end of what has been joined: SentencePiece reads a run from left to right, joins the last two of its pieces while
they can be joined, and then takes the next character. Ordered by length, the merges do the same. The pairs that can be
joined are those in what has been joined, that of its last piece with the next character, and pairs of characters later
on. The first of these makes the longest piece: if the last two pieces have lengths a and b, then a + b ≥ 1 + b ≥ 1 + 1.
Of equal lengths the leftmost is first in both. Other merges do not interfere if none has a piece of the run as a part,
but for the single character; nor do they bring two runs together, since merges remove nothing.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby

from bpe.formats.reading import FilePath, refuse, shown
from bpe.reference import Pair


def ordered_merges(merges: Sequence[Pair], scores: Mapping[bytes, float], path: FilePath) -> list[Pair]:
    """Return the merges in an order that gives the ids of SentencePiece.

    Args:
        merges: the merges, highest score first.
        scores: the score of each piece.
        path: the file, for errors.

    Raises:
        TokenizerFileError: merges have equal scores, and no order gives the same ids.
    """
    ordered: list[Pair] = []
    for _, group in groupby(merges, key=lambda pair: scores[pair[0] + pair[1]]):
        tied = sorted(group, key=lambda pair: len(pair[0] + pair[1]), reverse=True)
        if len(tied) > 1:
            _check_run(tied, merges, path)
        ordered += tied
    return ordered


def _check_run(tied: Sequence[Pair], merges: Sequence[Pair], path: FilePath) -> None:
    """Raise an error for merges that make anything else than runs of one character, or on which others depend."""
    pieces = {left + right: (left + right).decode() for left, right in tied}
    character = next(iter(pieces.values()))[0]
    parts = {part for pair in tied for part in pair} - {character.encode()}
    used_elsewhere = {part for pair in merges if pair[0] + pair[1] not in pieces for part in pair}
    is_run = all(set(text) == {character} for text in pieces.values())
    one, other = list(pieces.values())[:2]
    refuse(
        not is_run or not parts <= pieces.keys() or not used_elsewhere.isdisjoint(pieces),
        path,
        f"its pieces {shown(one)} and {shown(other)} have the same score, so which is made depends on the text",
    )
