"""From texts and documents to a token file, with either engine."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from bpe.input_files import is_compressed
from bpe.parallel import available_cores
from bpe.separators import Separator
from bpe.text_files import STREAM_BYTES, read_text
from bpe.text_ids import TextIds
from bpe.token_files import TokenFileWriter
from bpe.tokenizer import Tokenizer

if TYPE_CHECKING:
    from bpe.compiled.encoder import CompiledEncoder


class TokenWriting:
    """Encodes one text after another, and writes their ids. Memory does not grow with their length or number."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        encoder: "CompiledEncoder | None",
        writer: TokenFileWriter,
        separator: Separator | None,
        num_threads: int | None,
    ) -> None:
        """Prepare to write.

        Args:
            tokenizer: the tokenizer.
            encoder: its compiled engine, if that is to be used.
            writer: the token file.
            separator: what follows each document, and each text that does not end with it; None if texts are encoded
                as they are, and there are no documents.
            num_threads: the number of threads of the compiled engine; None means one for each processor core.
        """
        self._ids = TextIds(tokenizer, separator, num_threads=num_threads)
        self._encoder = encoder
        self._specials = tokenizer.found_tokens
        self._writer = writer
        self._separator = separator
        self._num_threads = num_threads or available_cores()

    @property
    def num_bytes(self) -> int:
        """Bytes of UTF-8 of all texts so far, and of the separators after them."""
        return self._ids.num_bytes

    def add_file(self, path: Path, on_read: Callable[[int], None]) -> None:
        """Write the ids of a text file.

        Raises:
            TextFileError: the file is empty, damaged or not UTF-8.
            ValueError: a byte of the text is not in the vocabulary.
            OSError: it cannot be read.
        """
        # Threads read a file where that is possible: a regular one, on a system that can read at an offset.
        if self._encoder is None or is_compressed(path) or not (path.is_file() and hasattr(os, "preadv")):
            self.add_text(read_text(path, chunk_bytes=STREAM_BYTES, on_read=on_read))
            return

        def report(num_bytes: int) -> None:
            self._ids.num_bytes += num_bytes
            on_read(num_bytes)

        for run in self._encoder.file_runs(path, self._specials, self._num_threads, report):
            self._writer.write_array(run)
        self._writer.write_stream(self._ids.end_of_text(self._writer.last_id))

    def add_text(self, chunks: Iterable[str]) -> None:
        """Write the ids of a text that arrives in chunks, cut anywhere.

        Raises:
            ValueError: the text contains a surrogate, or a byte that is not in the vocabulary; a chunk is not a string.
        """
        if self._encoder is None:
            self._writer.write_stream(self._ids.of_text(chunks))
            return
        for run in self._encoder.stream_runs(self._ids.counted(chunks), self._specials, self._num_threads):
            self._writer.write_array(run)
        self._writer.write_stream(self._ids.end_of_text(self._writer.last_id))

    def add_documents(self, documents: Iterable[str]) -> None:
        """Write the ids of documents, each encoded alone and followed by the separator.

        Raises:
            ValueError: a document contains a surrogate, or a byte that is not in the vocabulary, or is not a string.
        """
        if self._encoder is None:
            self._writer.write_stream(self._ids.of_documents(documents))
            return
        from bpe.compiled.documents import document_runs

        assert self._separator is not None, "documents have a separator, which may be empty"
        counted = self._ids.counted_documents(documents)
        for run in document_runs(self._encoder, counted, self._separator, self._specials, self._num_threads):
            self._writer.write_array(run)
