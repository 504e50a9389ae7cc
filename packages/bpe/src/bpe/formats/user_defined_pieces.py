r"""User-defined pieces of SentencePiece: strings that are found before anything is merged, and are never merged.

They are found in the changed text, which is why they are not always the added tokens of other tokenizers: those cut a
text, and each part would get its own mark in front. SentencePiece puts one mark before the whole text. If a text is
changed at its ends, the pieces are isolated by a split step instead, and kept whole since they are tokens.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import regex

from bpe.added_tokens import AddedToken
from bpe.formats.parts import MAX_SPECIAL_TOKEN_LENGTH, MAX_SPECIAL_TOKENS_LENGTH, TokenizerFileError
from bpe.formats.reading import FilePath, refuse, shown
from bpe.patterns import WHOLE_TEXT
from bpe.pre_tokenizers import Split, SplitSteps
from bpe.reference import Pair, merge_by_rank

MARK = "▁"
"""The character that stands for a space in pieces."""

_BYTE_PIECE = "<0x"
_SPECIAL_CHARACTER = regex.compile(r"[\\\[\](){}*+?^$|.]")


@dataclass(frozen=True)
class UserDefinedRules:
    """How user-defined pieces are found."""

    added_tokens: tuple[AddedToken, ...] = ()
    pattern: str | SplitSteps = WHOLE_TEXT
    ignore_merges: bool = False
    """Whether what `pattern` splits off is a token as a whole, if it is in the vocabulary."""


def user_defined_rules(
    ids: Mapping[str, int],
    merges: Sequence[Pair],
    never_made: Sequence[bytes],
    *,
    changes_ends: bool,
    has_bytes: bool,
    path: FilePath,
) -> UserDefinedRules:
    """Return how user-defined pieces are found.

    Args:
        ids: the pieces and their ids.
        merges: the merges of the other pieces.
        never_made: the pieces of several characters that no merge makes.
        changes_ends: whether a text is changed at its ends, not only each space by itself.
        has_bytes: whether there are pieces for single bytes.
        path: the file, for errors.

    Raises:
        TokenizerFileError: the ids could not be reproduced exactly.
    """
    for piece in ids:
        refuse(" " in piece, path, f"its user-defined piece {shown(piece)} contains a space that is not written as ▁")
    longest, total = max(map(len, ids), default=0), sum(map(len, ids))
    if longest > MAX_SPECIAL_TOKEN_LENGTH or total > MAX_SPECIAL_TOKENS_LENGTH:  # one expression is compiled from all
        raise TokenizerFileError(
            f"{path}: its {len(ids)} user-defined pieces have {total} characters, {longest} in the longest; tokenizer "
            f"files allow at most {MAX_SPECIAL_TOKENS_LENGTH} in all and {MAX_SPECIAL_TOKEN_LENGTH} in one"
        )
    if not ids:
        return UserDefinedRules()
    if not changes_ends:
        tokens = (AddedToken(piece, token_id, special=False, normalized=True) for piece, token_id in ids.items())
        return UserDefinedRules(tuple(tokens))
    longest_first = sorted(ids, key=len, reverse=True)
    steps = [Split("|".join(_SPECIAL_CHARACTER.sub(r"\\\g<0>", piece) for piece in longest_first), "Isolated")]
    # What is between them becomes a token as a whole too, if it is one, so that must be what the merges would give.
    for token in never_made:
        refuse(True, path, f"it has user-defined pieces, and {shown(token.decode())}, which no merge makes")
    if has_bytes:
        steps.append(_split_of_byte_pieces(merges, path))
    return UserDefinedRules((), SplitSteps(steps), ignore_merges=True)


def _split_of_byte_pieces(merges: Sequence[Pair], path: FilePath) -> Split:
    """Return a step that splits a text which is written as the piece of a byte, such as `<0x41>`, where merges do."""
    ranks = {pair: rank for rank, pair in enumerate(merges)}
    written = (f"{_BYTE_PIECE}{byte:02X}>" for byte in range(256))
    first = {merge_by_rank([character.encode() for character in text], ranks)[0].decode() for text in written}
    begin = min(first)
    refuse(
        len(first) > 1 or not _BYTE_PIECE.startswith(begin),
        path,
        f"it has user-defined pieces, and others that begin as those of bytes do ({shown(max(first))})",
    )
    rest = _BYTE_PIECE.removeprefix(begin)
    return Split(rf"(?<![\s\S]){begin}(?={rest}[0-9A-F][0-9A-F]>(?![\s\S]))", "Isolated")
