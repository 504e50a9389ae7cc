"""The ids of texts and of documents as streams, and how many bytes they were encoded from.

>>> from bpe import Tokenizer
>>> tokenizer = Tokenizer({byte: bytes([byte]) for byte in range(256)}, [], ["<end>"])
>>> text_ids = TextIds(tokenizer, separator_of(tokenizer, "<end>", "the list"))
>>> list(text_ids.of_documents(["to", "be"])), text_ids.num_bytes
([116, 111, 256, 98, 101, 256], 14)
"""

from collections.abc import Iterable, Iterator

from bpe.checks import check_text
from bpe.chunks import batched
from bpe.offsets import surrogate_error
from bpe.separators import Separator, find_separator
from bpe.text_files import utf8_length
from bpe.tokenizer import Tokenizer

_BATCH_CHARACTERS = 1 << 20


def separator_of(tokenizer: Tokenizer, token: str | None, what: str) -> Separator:
    """Return the separator of documents that a user has chosen; see `bpe.separators.find_separator`."""
    return find_separator(token, tokenizer.special_tokens, tokenizer.found_tokens.tokens, what)


class TextIds:
    """Encodes one text after another. Memory does not grow with their length or number."""

    def __init__(self, tokenizer: Tokenizer, separator: Separator | None, *, num_threads: int | None = None) -> None:
        """Start with no text.

        Args:
            tokenizer: the tokenizer.
            separator: what follows each document, and each text that does not end with it; None if texts are encoded
                as they are, and there are no documents.
            num_threads: the number of threads that encode documents; None means one for each processor core.
        """
        self._tokenizer = tokenizer
        self._separator = separator
        self._num_threads = num_threads
        self.num_bytes = 0
        """Bytes of UTF-8 of all texts so far, and of the separators after them."""

    def of_text(self, chunks: Iterable[str]) -> Iterator[int]:
        """Yield the ids of a text that arrives in chunks, cut anywhere.

        Raises:
            ValueError: the text contains a surrogate, or a byte that is not in the vocabulary; a chunk is not a string.
        """
        last_id = None
        for last_id in self._tokenizer.encode_iterable(self.counted(chunks)):
            yield last_id
        yield from self.end_of_text(last_id)

    def of_documents(self, documents: Iterable[str]) -> Iterator[int]:
        """Yield the ids of documents. Some documents are read before the first id is yielded.

        Raises:
            ValueError: a document contains a surrogate, or a byte that is not in the vocabulary, or is not a string.
        """
        assert self._separator is not None, "documents have a separator, which may be empty"
        for batch in batched(self.counted_documents(documents), _BATCH_CHARACTERS):
            for ids in self._tokenizer.encode_batch(batch, num_threads=self._num_threads):
                yield from ids
                yield from self._separator.ids

    def end_of_text(self, last_id: int | None) -> tuple[int, ...]:
        """Return what follows a text with this id at its end, and count its bytes."""
        if self._separator is None or last_id in self._separator.ids:
            return ()
        self.num_bytes += self._separator.num_bytes
        return self._separator.ids

    def counted(self, chunks: Iterable[str]) -> Iterator[str]:
        """Yield the chunks of a text, and count their bytes.

        Raises:
            ValueError: the text contains a surrogate, or a chunk is not a string.
        """
        position = 0
        for chunk in chunks:
            check_text(chunk)
            try:
                self.num_bytes += utf8_length(chunk)
            except UnicodeEncodeError:
                raise surrogate_error(chunk, position) from None
            position += len(chunk)
            yield chunk

    def counted_documents(self, documents: Iterable[str]) -> Iterator[str]:
        """Yield documents, and count their bytes and those of the separators.

        Raises:
            ValueError: a document contains a surrogate, or is not a string; its number is named.
        """
        more = 0 if self._separator is None else self._separator.num_bytes
        for number, document in enumerate(documents):
            if not isinstance(document, str):
                raise ValueError(f"document {number} is of type {type(document).__name__}: give strings")
            try:
                self.num_bytes += utf8_length(document) + more
            except UnicodeEncodeError:
                raise ValueError(f"document {number}: {surrogate_error(document)}") from None
            yield document
