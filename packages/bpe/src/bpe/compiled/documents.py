"""Documents with the compiled engine: joined with the separator, if that gives the same ids, and encoded in threads."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from bpe.chunks import batched
from bpe.compiled.encoder import CompiledEncoder
from bpe.compiled.worker import CHUNK_BYTES
from bpe.parallel import map_in_order
from bpe.separators import Separator
from bpe.special_tokens import SpecialTokens

_JOINED_CHARACTERS = CHUNK_BYTES * 3 // 4  # with the separators they are one chunk, and not one and a bit


def document_runs(
    encoder: CompiledEncoder,
    documents: Iterable[str],
    separator: Separator,
    special_tokens: SpecialTokens,
    num_threads: int,
) -> Iterator["np.ndarray"]:
    """Yield the ids of documents, each followed by the separator, in arrays, in order.

    They are the ids that each document has alone. Most documents are so short that a call for each would take longer
    than encoding it, so they are joined where no rule of the tokenizer looks across a special token.

    Args:
        encoder: the compiled engine.
        documents: the documents. They are requested by the calling thread.
        separator: what follows each.
        special_tokens: those to recognize in the documents.
        num_threads: the number of threads that share the work.

    Raises:
        UnicodeEncodeError: a document contains a surrogate.
    """
    ending = np.array(separator.ids, encoder.dtype)
    is_joined = separator.is_found_alone and encoder.is_local

    def encode(batch: Sequence[str]) -> np.ndarray:
        if is_joined:
            return encoder.array("".join([part for text in batch for part in (text, separator.token)]), special_tokens)
        return np.concatenate([run for text in batch for run in (encoder.array(text, special_tokens), ending)])

    yield from map_in_order(encode, batched(documents, _JOINED_CHARACTERS), num_threads)
