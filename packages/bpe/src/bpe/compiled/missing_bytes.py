"""Bytes that a vocabulary does not have, of a model for the kernels, which have no error for them. No Numba here.

A vocabulary that was trained without an alphabet of all bytes, as SmolLM's and Falcon's were, lacks those that did not
occur: mostly control characters. In the kernels these bytes have ids above the vocabulary, and merges with them as any
other byte. If such an id is in what a kernel returns, the text cannot be encoded.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from bpe.piece_ids import missing_byte_error
from bpe.vocabulary import BYTES_OF_UTF8

_AROUND = 16  # bytes of text to show on either side


@dataclass(frozen=True)
class MissingBytes:
    """The bytes that are in UTF-8 but not in a vocabulary."""

    first_id: int
    """The id of the first of them: the size of the vocabulary. The others have the ids after it."""
    values: bytes
    """The bytes, in the order of their ids."""

    @classmethod
    def of(cls, id_of: Mapping[bytes, int], vocab_size: int) -> Self:
        """Return the bytes that are not in `id_of`."""
        return cls(vocab_size, b"".join(byte for byte in BYTES_OF_UTF8 if byte not in id_of))

    @property
    def end_id(self) -> int:
        """One more than the largest id."""
        return self.first_id + len(self.values)

    def ids(self) -> dict[bytes, int]:
        """Return the id of each byte."""
        return {bytes([byte]): self.first_id + k for k, byte in enumerate(self.values)}

    def check(self, ids: "np.ndarray", text: "np.ndarray") -> None:
        """Check that no id is that of a missing byte.

        Args:
            ids: what a kernel returned.
            text: the bytes that it encoded.

        Raises:
            ValueError: one is. The error names the byte, with the text around the first place where it is.
        """
        if not self.values or not ids.size or ids.max() < self.first_id:
            return
        byte = self.values[int(ids[ids >= self.first_id][0]) - self.first_id]
        place = int(np.argmax(text == byte))
        around = text[max(0, place - _AROUND) : place + _AROUND].tobytes().decode(errors="ignore")
        raise missing_byte_error(bytes([byte]), around)
