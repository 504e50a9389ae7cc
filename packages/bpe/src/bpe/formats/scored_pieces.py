"""Vocabularies of pieces with scores: BPE over characters as SentencePiece stores it, without any merges.

SentencePiece starts from characters and repeatedly joins the neighbours whose concatenation is the piece of highest
score, the leftmost of equals. That is tiktoken's rule, with scores in place of ranks and characters in place of bytes,
so the merges can be recovered in the same way (`bpe.formats.merge_recovery` explains why that is exact).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bpe.character_model import CharacterModel
from bpe.formats.merge_recovery import recover_merges
from bpe.formats.parts import MAX_TOKEN_BYTES, TokenizerFileError, TokenizerParts
from bpe.formats.reading import FilePath, refuse, shown
from bpe.formats.tied_merges import ordered_merges
from bpe.formats.user_defined_pieces import MARK, user_defined_rules
from bpe.normalizers import Prepend, Replace, Step
from bpe.reference import Pair
from bpe.templates import TEXT, TEXT_ALONE, Piece, Template
from bpe.text_rules import TextRules

Kind = Literal["normal", "unknown", "control", "user-defined", "byte"]

MAX_PIECES = 1 << 20
"""The largest vocabulary that is read: 1,048,576 pieces. The largest in use have some 260,000."""

BYTE_PIECES = tuple(f"<0x{byte:02X}>" for byte in range(256))
"""The pieces for the bytes of characters that are not in the vocabulary."""


@dataclass(frozen=True)
class ScoredPiece:
    """An entry of the vocabulary. Its id is its place."""

    text: str
    """The piece, in which a mark stands for a space."""
    score: float
    """Of two pieces that could be made, the one with the higher score is."""
    kind: Kind = "normal"
    """Normal pieces are made of characters. User-defined ones are found before that, and never merged. The others are
    not found in a text: the one unknown piece, control pieces such as `<s>`, and bytes."""


@dataclass(frozen=True)
class PieceOptions:
    """How a text becomes pieces."""

    has_prefix: bool
    """Whether a mark is put in front of a text that is not empty."""
    removes_spaces: bool = False
    """Whether spaces are removed at both ends of a text, and all but one of several in a row."""
    begin: str = "<s>"
    """The control piece that is put before a text on request, if the vocabulary has it."""

    @property
    def normalizer(self) -> tuple[Step, ...]:
        """How a text is changed before it is split into pieces."""
        steps: list[Step] = []
        if self.removes_spaces:  # at the end, SentencePiece removes marks too
            steps.append(Replace(rf"(?<![\s\S]) +|[ {MARK}]+(?![\s\S])", "", is_regex=True))
            steps.append(Replace(r" {2,}", " ", is_regex=True))
        if self.has_prefix:
            steps.append(Prepend(MARK))
        return (*steps, Replace(" ", MARK))


def check_count(count: int, path: FilePath) -> None:
    """Raise an error if `count` pieces are read and there is another: in memory they take more than in the file."""
    if count >= MAX_PIECES:
        raise TokenizerFileError(
            f"{path} has more than {MAX_PIECES} pieces, too many for a tokenizer: is it the right one?"
        )


def tokenizer_of_pieces(pieces: Sequence[ScoredPiece], options: PieceOptions, path: FilePath) -> TokenizerParts:
    """Return the parts of a tokenizer that gives the ids of SentencePiece.

    Args:
        pieces: the vocabulary.
        options: how a text becomes pieces.
        path: the file, for errors.

    Raises:
        TokenizerFileError: this is not a complete vocabulary, or its ids could not be reproduced exactly.
    """
    _check(pieces, path)
    ids: dict[Kind, dict[str, int]] = {"normal": {}, "unknown": {}, "control": {}, "user-defined": {}, "byte": {}}
    for token_id, piece in enumerate(pieces):
        ids[piece.kind][piece.text] = token_id
    merges, never_made = _merges(pieces, path)
    symbols = user_defined_rules(
        ids["user-defined"],
        merges,
        never_made,
        changes_ends=options.has_prefix or options.removes_spaces,
        has_bytes=bool(ids["byte"]),
        path=path,
    )
    begin = ids["control"].get(options.begin)
    rules = TextRules(
        added_tokens=symbols.added_tokens,
        normalizer=options.normalizer,
        template=TEXT_ALONE if begin is None else Template((Piece(options.begin, (begin,)), TEXT)),
    )
    characters = CharacterModel(
        byte_fallback=bool(ids["byte"]),
        unknown=next(iter(ids["unknown"])),
        fuse_unknown=True,
        mark=MARK,
        decodes_bytes=bool(ids["byte"]),
        strips_space=options.has_prefix,
    )
    vocab = {token_id: piece.text.encode() for token_id, piece in enumerate(pieces)}
    special_tokens = ids["unknown"] | ids["control"]
    try:
        return TokenizerParts(vocab, merges, special_tokens, symbols.pattern, symbols.ignore_merges, rules, characters)
    except ValueError as error:
        raise TokenizerFileError(f"{path}: {error}") from None


def _check(pieces: Sequence[ScoredPiece], path: FilePath) -> None:
    """Raise an error for pieces that are not a complete vocabulary."""
    seen: dict[str, int] = {}
    for token_id, piece in enumerate(pieces):
        if not piece.text or len(piece.text.encode()) > MAX_TOKEN_BYTES or not math.isfinite(piece.score):
            raise TokenizerFileError(
                f"{path}: piece {token_id} is {shown(piece.text)} with the score {piece.score}; pieces have 1 to "
                f"{MAX_TOKEN_BYTES} bytes and a finite score"
            )
        if seen.setdefault(piece.text, token_id) != token_id:
            raise TokenizerFileError(f"{path}: pieces {seen[piece.text]} and {token_id} are both {shown(piece.text)}")
        if piece.kind in ("unknown", "control") and len(piece.text) == 1:
            refuse(True, path, f"its {piece.kind} piece {shown(piece.text)} is a character, which texts contain")
    unknown = [piece.text for piece in pieces if piece.kind == "unknown"]
    if len(unknown) != 1:
        raise TokenizerFileError(f"{path} has {len(unknown)} unknown pieces, not one: it is damaged")
    byte_pieces = {piece.text for piece in pieces if piece.kind == "byte"}
    if byte_pieces and byte_pieces != set(BYTE_PIECES):
        raise TokenizerFileError(f"{path} has {len(byte_pieces)} byte pieces, not <0x00> to <0xFF>: it is damaged")


def _merges(pieces: Sequence[ScoredPiece], path: FilePath) -> tuple[list[Pair], list[bytes]]:
    """Return the merges, highest score first, and the pieces of several characters that are never made."""
    scores = {piece.text.encode(): piece.score for piece in pieces if piece.kind == "normal"}
    rank_of = {score: rank for rank, score in enumerate(sorted(set(scores.values()), reverse=True))}
    merges, never_made = recover_merges({token: rank_of[score] for token, score in scores.items()}, _characters)
    known = {piece.text.encode() for piece in pieces if piece.kind in ("normal", "user-defined")}
    for pair in merges:
        for part in pair:
            if part not in known:
                piece, part_name = shown(b"".join(pair).decode()), shown(part.decode())
                refuse(True, path, f"its piece {piece} is made from {part_name}, which is not a piece")
    return ordered_merges(merges, scores, path), never_made


def _characters(token: bytes) -> list[bytes]:
    return [character.encode() for character in token.decode()]
