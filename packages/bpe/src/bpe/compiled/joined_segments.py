r"""Encoding many segments of a text, added tokens and what is between them, with one call of a kernel. No Numba here.

With Gemma's file every line break is an added token, so segments are lines, and a call for each would take more time
than its work. Segments are joined instead, with a byte between them that is not in UTF-8; the kernel finds it as it
finds special tokens, and gives it the id `separator`, in whose places the ids of added tokens are written in the end:

    "▁one" "\n" "▁two"   ->   "▁one\xFF▁two"   ->   [one] separator [two]   ->   [one] 108 [two]
"""

from collections.abc import Iterable, Iterator

import numpy as np

from bpe.chunks import cut_text
from bpe.compiled.model import CompiledModel
from bpe.compiled.worker import CHUNK_BYTES, Specials, Worker
from bpe.patterns import SplitPattern
from bpe.special_tokens import SpecialTokens
from bpe.text_rules import Segment

_NO_TOKENS = SpecialTokens(())
_BYTE = b"\xff"
_SURELY_SHORT = CHUNK_BYTES // 4  # characters, of at most four bytes
_BETWEEN = -1  # a separator between two segments of ordinary text, which becomes no id


class JoinedSegments:
    """Encodes the segments of texts, with a model whose vocabulary has a free id for the separator."""

    def __init__(self, model: CompiledModel, pattern: SplitPattern, separator: int) -> None:
        """Prepare to encode.

        Args:
            model: the tables of the tokenizer, with a scanner for the pattern.
            pattern: what splits ordinary text into pieces.
            separator: an id that no text has.
        """
        self._model = model
        self._pattern = pattern
        self._separator = separator
        self._specials = Specials.of_bytes({_BYTE: separator})

    def runs(self, segments: Iterable[Segment], worker: Worker) -> Iterator["np.ndarray"]:
        """Yield the ids of the segments in arrays, each valid until the next is requested."""
        joined: list[bytes] = []
        ids: list[int] = []
        size = 0
        follows_text = False
        for data, token_id in self._pieces(segments):
            if size + len(data) > CHUNK_BYTES and joined:
                yield self._encoded(joined, ids, worker)
                joined, ids, size, follows_text = [], [], 0, False
            if token_id is not None or follows_text:
                joined.append(_BYTE)
                ids.append(_BETWEEN if token_id is None else token_id)
                size += 1
            joined.append(data)
            size += len(data)
            follows_text = token_id is None
        if joined:
            yield self._encoded(joined, ids, worker)

    def _pieces(self, segments: Iterable[Segment]) -> Iterator[tuple[bytes, int | None]]:
        """Yield the bytes of ordinary text, which fit into a chunk, with None; and added tokens, with no bytes."""
        for part, token_id in segments:
            if token_id is not None:
                yield b"", token_id
            elif len(part) <= _SURELY_SHORT:
                yield part.encode(), None
            else:
                for chunk in cut_text(part, self._pattern, _NO_TOKENS, CHUNK_BYTES):
                    yield chunk.encode(), None

    def _encoded(self, joined: list[bytes], separated: list[int], worker: Worker) -> "np.ndarray":
        data = b"".join(joined)
        worker.buffer(len(data))[:] = data
        ids = worker.encode_buffer(len(data), self._specials)
        if not separated:
            return self._model.expanded(ids)
        places = np.flatnonzero(ids == self._separator)
        added = np.array(separated, np.int64)
        ids[places] = np.maximum(added, 0)
        dropped = places[added == _BETWEEN]
        return self._model.expanded(np.delete(ids, dropped) if dropped.size else ids)
