"""BPE over characters, as in SentencePiece: what Llama 2, Mistral 7B and Gemma use.

A piece starts as its characters instead of its bytes, and spaces are written as a visible mark, usually ▁. A character
that is not in the vocabulary becomes the tokens of its bytes, `<0xE7>` and so on, if the model has byte fallback, else
the unknown token. Tokens are kept as they are written:

>>> model = CharacterModel(byte_fallback=True)
>>> pieces = CharacterPieceIds(model, {(b"l", b"o"): 0}, {b"l": 1, b"o": 2, b"lo": 3, b"<0xC3>": 4, b"<0xB8>": 5})
>>> pieces["loø"]
[3, 4, 5]

Decoding turns them into text again: `▁` into a space, `<0xE7>` into a byte, and the space that was put in front of the
text is removed.
"""

import re
from collections.abc import Container, Iterable, Mapping, Set
from dataclasses import dataclass

from bpe.piece_ids import PieceIds
from bpe.reference import Pair

_BYTE_TOKEN = re.compile(rb"<0x([0-9A-Fa-f]{2})>")
_MAX_JOINED = 32  # characters that merges join with a mark, beyond which splitting would gain little
_BYTE_TOKEN_LENGTH = len(b"<0x00>")


@dataclass(frozen=True)
class CharacterModel:
    """What BPE over characters needs besides vocabulary and merges."""

    byte_fallback: bool = False
    """Whether characters that are not in the vocabulary become the tokens of their bytes."""
    unknown: str | None = None
    """The token for any other character that is not in the vocabulary."""
    fuse_unknown: bool = False
    """Whether several such characters in a row become one token."""
    mark: str = "▁"
    """The character that stands for a space in tokens; empty if there is none."""
    decodes_bytes: bool = True
    """Whether byte tokens are decoded to bytes."""
    strips_space: bool = False
    """Whether decoding removes a space at the beginning of a text."""

    def decoded(self, vocab: Mapping[int, bytes]) -> dict[int, bytes]:
        """Return the bytes of the text that each token of a vocabulary, given as it is written, stands for."""
        mark = self.mark.encode()
        texts = {token_id: token.replace(mark, b" ") for token_id, token in vocab.items()} if mark else dict(vocab)
        if self.decodes_bytes:
            for token_id, token in vocab.items():
                if len(token) == _BYTE_TOKEN_LENGTH and (byte := _BYTE_TOKEN.fullmatch(token)):
                    texts[token_id] = bytes.fromhex(byte[1].decode())
        return texts

    def short_pieces(self, merges: Iterable[Pair], id_of: Container[bytes]) -> str | None:
        """Return a pattern that splits text without changing its ids, if it is otherwise not split; None if unknown.

        It splits before every run of marks, unless there is a character before it that some merge joins with a mark. No
        merge crosses such a place, so splitting there changes nothing, and pieces are short and repeated.

        Args:
            merges: the merges of the tokenizer.
            id_of: its tokens.
        """
        if not self.mark or self.mark.encode() not in id_of:
            return None
        import regex

        mark = regex.escape(self.mark)
        across = regex.compile(f"([^{mark}]){mark}")
        merged = (left + right for left, right in merges)
        found = {
            match[1] for token in merged if self.mark.encode() in token for match in across.finditer(token.decode())
        }
        if len(found) > _MAX_JOINED:
            return None
        joined = "".join(map(regex.escape, sorted(found)))
        more = f"(?:[{joined}][{mark}{joined}]*[^{mark}{joined}]*)*" if joined else ""
        return f"[{mark}{joined}]*[^{mark}{joined}]+{more}|[{mark}{joined}]+"

    def without_start(self, text: str) -> str:
        """Return a decoded text without the space at its beginning that is not part of the text."""
        return text.removeprefix(" ") if self.strips_space else text


class CharacterPieceIds(PieceIds):
    """The ids of pieces, computed once and cached, for a character model."""

    def __init__(
        self,
        model: CharacterModel,
        ranks: Mapping[Pair, int],
        id_of: Mapping[bytes, int],
        never_merged: Set[bytes] = frozenset(),
    ) -> None:
        """Start an empty table. Arguments are those of `PieceIds`, after the model."""
        super().__init__(ranks, id_of, never_merged)
        self._model = model
        self._byte_tokens = [b"<0x%02X>" % byte for byte in range(256)]

    def _first_tokens(self, piece: str) -> list[bytes]:
        """Return the tokens that merging starts from."""
        tokens: list[bytes] = []
        unknown = self._model.unknown.encode() if self._model.unknown is not None else None
        pending = False  # an unknown token is written before the next known one, so that several can be fused
        for character in piece:
            encoded = character.encode()
            if encoded in self._id_of:
                if pending and unknown is not None:
                    tokens.append(unknown)
                    pending = False
                tokens.append(encoded)
                continue
            if self._model.byte_fallback:
                byte_tokens = [self._byte_tokens[byte] for byte in encoded]
                if all(token in self._id_of for token in byte_tokens):
                    tokens += byte_tokens
                    continue
            if unknown is None:
                raise ValueError(f"the text contains {character!r} (in {piece!r}), which is not in the vocabulary")
            if pending and not self._model.fuse_unknown:
                tokens.append(unknown)
            pending = True
        return [*tokens, unknown] if pending and unknown is not None else tokens
