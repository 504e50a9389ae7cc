"""llama2.c's `tokenizer.bin`: the pieces of a SentencePiece model with their scores.

All numbers are little-endian and of 32 bits. First comes the length of the longest piece in bytes, then for each piece
its score, a float, its length and its bytes. `tokenizer.py` of llama2.c writes a space for each mark, and line ends
around `<s>` and `</s>`. The kinds of pieces are not in the file. As in llama2.c, 0 is the unknown piece, 1 and 2 are
the beginning and the end of a text, and 3 to 258 are the bytes; a mark is put in front of each text.
"""

import struct
from collections.abc import Iterator

from bpe.formats.parts import MAX_TOKEN_BYTES, TokenizerFileError, TokenizerParts
from bpe.formats.reading import FilePath, read_bytes, shown
from bpe.formats.scored_pieces import BYTE_PIECES, PieceOptions, ScoredPiece, check_count, tokenizer_of_pieces
from bpe.formats.user_defined_pieces import MARK

_BEGIN, _END = "\n<s>\n", "\n</s>\n"
_HEAD = struct.Struct("<I")
_ENTRY = struct.Struct("<fI")


def read_llama2c(path: FilePath) -> TokenizerParts:
    """Read a `tokenizer.bin` of llama2.c.

    Raises:
        TokenizerFileError: the file is damaged (the offset is named), or its ids could not be reproduced exactly.
        OSError: the file cannot be read.
    """
    entries: list[tuple[str, float]] = []
    for entry in _entries(read_bytes(path), path):
        check_count(len(entries), path)
        entries.append(entry)
    texts = [text for text, _ in entries]
    if texts[1:3] != [_BEGIN, _END] or texts[3:259] != list(BYTE_PIECES):
        raise TokenizerFileError(
            f"{path} does not begin with an unknown piece, <s>, </s> and the bytes: it is damaged, or not a "
            "tokenizer.bin of llama2.c (its checkpoints end in .bin too)"
        )
    pieces = [
        ScoredPiece(texts[0], 0.0, "unknown"),
        *(ScoredPiece(text.strip("\n"), 0.0, "control") for text in texts[1:3]),
        *(ScoredPiece(text, 0.0, "byte") for text in texts[3:259]),
        *(ScoredPiece(text.replace(" ", MARK), score) for text, score in entries[259:]),
    ]
    return tokenizer_of_pieces(pieces, PieceOptions(has_prefix=True), path)


def _entries(content: bytes, path: FilePath) -> Iterator[tuple[str, float]]:
    """Yield the pieces as they are written, with their scores."""
    if len(content) < _HEAD.size:
        raise TokenizerFileError(f"{path} has {len(content)} bytes, too few for a tokenizer.bin of llama2.c")
    (longest,) = _HEAD.unpack_from(content)
    position = _HEAD.size
    while position < len(content):
        if position + _ENTRY.size > len(content):
            raise TokenizerFileError(f"{path}, offset {position}: the file ends within an entry: it is damaged")
        score, length = _ENTRY.unpack_from(content, position)
        begin, end = position + _ENTRY.size, position + _ENTRY.size + length
        if length > min(longest, MAX_TOKEN_BYTES) or end > len(content):
            raise TokenizerFileError(
                f"{path}, offset {position}: a piece of {length} bytes, where the longest has {longest} and "
                f"{len(content) - begin} bytes follow: the file is damaged, or not a tokenizer.bin of llama2.c"
            )
        try:
            yield content[begin:end].decode(), score
        except UnicodeDecodeError:
            raise TokenizerFileError(
                f"{path}, offset {begin}: {shown(content[begin:end])} is not UTF-8: the file is damaged"
            ) from None
        position = end
