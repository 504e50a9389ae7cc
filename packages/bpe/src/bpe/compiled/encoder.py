"""The compiled engine of one tokenizer: from texts and files to arrays of ids."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path

import numpy as np

from bpe.chunks import cut_file, cut_parts, cut_text
from bpe.compiled.file_reading import chunk_error, read_chunk
from bpe.compiled.joined_segments import JoinedSegments
from bpe.compiled.model import CompiledModel
from bpe.compiled.worker import CHUNK_BYTES, NotUtf8Error, Specials, Worker
from bpe.inert_characters import InertCharacters
from bpe.parallel import map_in_order
from bpe.patterns import SplitPattern, pattern_key, split_pieces
from bpe.pre_tokenizers import SplitSteps
from bpe.special_tokens import SpecialTokens
from bpe.text_files import empty_error, read_text
from bpe.text_rules import Segment, TextSegments

_NO_TOKENS = SpecialTokens(())
_NORMALIZED_CHUNK_BYTES = 1 << 17  # where one character to normalize makes the encoding of a whole chunk slower
_STREAM_BUFFER = 1 << 18  # characters of ordinary text to collect before searching for a place to cut


class CompiledEncoder:
    """Turns text into ids with the kernels. Threads can share it: each takes a worker, which has its own cache."""

    def __init__(
        self, model: CompiledModel, pattern: SplitPattern, special_ids: Mapping[str, int], segments: TextSegments
    ) -> None:
        """Wrap a model; workers are created when threads need them.

        Args:
            model: the tables of the tokenizer.
            pattern: what splits ordinary text into pieces.
            special_ids: the ids of all added tokens.
            segments: finds added tokens for which there is more to do than to find their strings.
        """
        self._model = model
        self._pattern = pattern
        self._special_ids = special_ids
        self._segments = segments
        self._specials: dict[tuple[str, ...], Specials] = {}
        self._no_specials = Specials({})
        self._bytes_of = pattern.piece_bytes if isinstance(pattern, SplitSteps) else str.encode
        self._idle: list[Worker] = []
        self._has_scanner = model.has_scanner
        self._inert = segments.inert
        plain = segments.plain or self._inert is not None
        self._scans_whole_texts = self._has_scanner and plain and model.expansion is None
        self._joined: JoinedSegments | None = None
        if self._has_scanner and model.expansion is not None:
            self._joined = JoinedSegments(model, pattern, model.expansion.separator)

    @property
    def dtype(self) -> "np.dtype":
        """The dtype of ids: uint16 or uint32."""
        return self._model.dtype if self._model.expansion is None else self._model.expansion.dtype

    @property
    def is_local(self) -> bool:
        """Whether the ids between two special tokens depend on the text between them alone."""
        return self._segments.plain

    @property
    def _chunk_bytes(self) -> int:
        """The bytes of text to encode at a time."""
        return CHUNK_BYTES if self._inert is None else min(CHUNK_BYTES, _NORMALIZED_CHUNK_BYTES)

    @contextmanager
    def _worker(self) -> Iterator[Worker]:
        """Provide a worker while a `with` block runs."""
        try:
            worker = self._idle.pop()  # an atomic operation, so threads need no lock
        except IndexError:
            worker = Worker(self._model)
        try:
            yield worker
        finally:
            self._idle.append(worker)

    def make_workers(self, count: int) -> None:
        """Create workers until `count` of them are idle."""
        while len(self._idle) < count:
            self._idle.append(Worker(self._model))

    def _for_kernels(self, special_tokens: SpecialTokens) -> Specials:
        known = self._specials.get(special_tokens.tokens)
        if known is None:
            known = Specials({token: self._special_ids[token] for token in special_tokens.tokens})
            self._specials[special_tokens.tokens] = known
        return known

    def runs(self, text: str, special_tokens: SpecialTokens) -> Iterator["np.ndarray"]:
        """Yield the ids of `text` in arrays, each valid until the next is requested.

        Args:
            text: any text.
            special_tokens: those to recognize in it.

        Raises:
            UnicodeEncodeError: the text contains a surrogate.
        """
        with self._worker() as worker:
            if self._scans_whole_texts:
                yield from self._scanned_runs(text, special_tokens, worker, self._inert)
            else:
                yield from self._segment_runs(self._segments.split(text, special_tokens), worker)

    def ordinary_runs(self, part: str) -> Iterator["np.ndarray"]:
        """Yield the ids of a segment of ordinary text in arrays, each valid until the next is requested."""
        with self._worker() as worker:
            yield from self._segment_runs([(part, None)], worker)

    def _scanned_runs(
        self, text: str, special_tokens: SpecialTokens, worker: Worker, inert: InertCharacters | None = None
    ) -> Iterator["np.ndarray"]:
        """Yield the ids of a text for whose pattern there is a scanner.

        Args:
            text: the text.
            special_tokens: those to recognize in it.
            worker: encodes it.
            inert: the characters that the normalizer does not change; None if there is no more to normalize.
        """
        specials = self._for_kernels(special_tokens)
        for chunk in cut_text(text, self._pattern, special_tokens, self._chunk_bytes, inert):
            data = chunk.encode()
            worker.buffer(len(data))[:] = data
            if inert is None or inert.includes_bytes(worker.wide_characters(len(data))):
                yield worker.encode_buffer(len(data), specials)
            else:
                yield from self._segment_runs(self._segments.split(chunk, special_tokens), worker)

    def array(self, text: str, special_tokens: SpecialTokens) -> "np.ndarray":
        """Return the ids of `text` as one array. Arguments and errors are those of `runs`."""
        copies = [run.copy() for run in self.runs(text, special_tokens)]
        if len(copies) == 1:
            return copies[0]
        return np.concatenate(copies) if copies else np.empty(0, self.dtype)

    def batch(self, texts: Sequence[str], special_tokens: SpecialTokens, num_threads: int) -> Iterator["np.ndarray"]:
        """Yield the ids of each text as an array, in order."""

        def encode(group: Sequence[str]) -> list[np.ndarray]:
            return [self.array(text, special_tokens) for text in group]

        for arrays in map_in_order(encode, _groups(texts, CHUNK_BYTES), num_threads):
            yield from arrays

    def stream_runs(
        self, chunks: Iterable[str], special_tokens: SpecialTokens, num_threads: int
    ) -> Iterator["np.ndarray"]:
        """Yield the ids of a text that arrives in chunks, in arrays, in order, each valid until the next is requested.

        Args:
            chunks: the text, cut anywhere. They are requested by the calling thread.
            special_tokens: those to recognize in it.
            num_threads: the number of threads that share the work.

        Raises:
            UnicodeEncodeError: the text contains a surrogate.
        """
        if not self._scans_whole_texts:
            yield from self._stream_runs_of_segments(chunks, special_tokens, num_threads)
            return

        def encode(part: str) -> np.ndarray:
            return self.array(part, special_tokens)

        parts = cut_parts(chunks, self._pattern, special_tokens, CHUNK_BYTES, self._inert)
        yield from map_in_order(encode, parts, num_threads)

    def _stream_runs_of_segments(
        self, chunks: Iterable[str], special_tokens: SpecialTokens, num_threads: int
    ) -> Iterator["np.ndarray"]:
        """Do what `stream_runs` does, for tokenizers whose texts are cut into segments by Python."""

        def encode(group: Sequence[Segment]) -> np.ndarray:
            with self._worker() as worker:
                return np.concatenate([run.copy() for run in self._segment_runs(group, worker)])

        segments = self._segments.split_stream(chunks, special_tokens, self._pattern, _STREAM_BUFFER)
        yield from map_in_order(encode, _groups_of_segments(segments, CHUNK_BYTES), num_threads)

    def _segment_runs(self, segments: Iterable[Segment], worker: Worker) -> Iterator["np.ndarray"]:
        """Yield the ids of added tokens, and of ordinary text, which is split by `regex` if there is no scanner."""
        if self._joined is not None:
            yield from self._joined.runs(segments, worker)
            return
        num_bytes = 0
        for part, token_id in segments:
            if token_id is not None:
                yield np.array([token_id], self.dtype)
            elif self._has_scanner:
                yield from self._scanned_runs(part, _NO_TOKENS, worker)
            else:
                from bpe.compiled.scanner import warn_if_slow  # with automata, which few tokenizers need here

                pieces = [self._bytes_of(piece) for piece in split_pieces(part, self._pattern)]
                data = b"".join(pieces)
                num_bytes += len(data)
                warn_if_slow(pattern_key(self._pattern), num_bytes)
                worker.buffer(len(data))[:] = data
                starts = [0, *accumulate(map(len, pieces))][:-1]
                yield self._model.expanded(worker.encode_buffer(len(data), self._no_specials, starts))

    def file_runs(
        self,
        path: str | os.PathLike[str],
        special_tokens: SpecialTokens,
        num_threads: int,
        report: Callable[[int], None] | None = None,
    ) -> Iterator["np.ndarray"]:
        """Yield the ids of a UTF-8 file in arrays, in order, each valid until the next is requested.

        Args:
            path: a regular file.
            special_tokens: those to recognize in it.
            num_threads: the number of threads that share the work.
            report: called after each array with the number of bytes that it was encoded from.

        Raises:
            TextFileError: the file is empty, not UTF-8, or became shorter while it was read.
            OSError: the file cannot be read.
        """
        if not self._scans_whole_texts:
            yield from self._stream_runs_of_segments(_watched(read_text(path), report), special_tokens, num_threads)
            return
        with Path(path).open("rb", buffering=0) as file:
            descriptor = file.fileno()
            total = os.fstat(descriptor).st_size
            if total == 0:
                raise empty_error(path)

            chunks = cut_file(descriptor, total, self._pattern, special_tokens, self._chunk_bytes, self._inert)

            def encode(worker: Worker, chunk: tuple[int, int]) -> np.ndarray:
                read_chunk(descriptor, worker.buffer(chunk[1]), chunk[0], path)
                try:
                    return self._encode_buffer(worker, chunk[1], special_tokens)
                except NotUtf8Error:
                    raise chunk_error(descriptor, chunk[1], chunk[0], path) from None

            for num_bytes, ids in self._chunk_runs(encode, chunks, num_threads):
                yield ids
                if report is not None:
                    report(num_bytes)

    def _chunk_runs(
        self,
        encode: Callable[[Worker, tuple[int, int]], "np.ndarray"],
        chunks: Iterable[tuple[int, int]],
        num_threads: int,
    ) -> Iterator[tuple[int, "np.ndarray"]]:
        """Yield for each chunk of an open file its number of bytes and its ids."""
        if num_threads == 1:
            with self._worker() as worker:  # no other thread may have it while its memory is read
                for chunk in chunks:
                    yield chunk[1], encode(worker, chunk)
            return

        def encode_copied(chunk: tuple[int, int]) -> tuple[int, np.ndarray]:
            with self._worker() as worker:
                return chunk[1], encode(worker, chunk).copy()

        yield from map_in_order(encode_copied, chunks, num_threads)

    def _encode_buffer(self, worker: Worker, num_bytes: int, special_tokens: SpecialTokens) -> "np.ndarray":
        """Return the ids of the text in a worker's buffer, in its memory unless the text has to be normalized.

        Raises:
            NotUtf8Error: the text is not UTF-8.
        """
        if self._inert is None or self._inert.includes_bytes(worker.wide_characters(num_bytes)):
            return worker.encode_buffer(num_bytes, self._for_kernels(special_tokens))
        try:
            text = str(worker.buffer(num_bytes), "utf-8")
        except UnicodeDecodeError:
            raise NotUtf8Error("the chunk is not UTF-8") from None
        runs = self._segment_runs(self._segments.split(text, special_tokens), worker)
        return np.concatenate([np.empty(0, self.dtype), *(run.copy() for run in runs)])

    def file_array(self, path: str | os.PathLike[str], special_tokens: SpecialTokens, num_threads: int) -> "np.ndarray":
        """Return the ids of a file as one array. Arguments and errors are those of `file_runs`."""
        ids = np.empty(max(1024, Path(path).stat().st_size // 3), self.dtype)
        count = 0
        for run in self.file_runs(path, special_tokens, num_threads):
            if count + run.size > ids.size:
                ids.resize(count + run.size + ids.size // 2, refcheck=False)
            ids[count : count + run.size] = run
            count += run.size
        ids.resize(count, refcheck=False)
        return ids


def _groups_of_segments(segments: Iterable[Segment], size: int) -> Iterator[Sequence[Segment]]:
    """Yield the segments in groups of about `size` characters."""
    group: list[Segment] = []
    num_characters = 0
    for segment in segments:
        group.append(segment)
        num_characters += len(segment[0])
        if num_characters >= size:
            yield group
            group, num_characters = [], 0
    if group:
        yield group


def _groups(texts: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """Yield the texts in groups of about `size` characters."""
    begin = num_characters = 0
    for k, text in enumerate(texts):
        num_characters += len(text)
        if num_characters >= size:
            yield texts[begin : k + 1]
            begin, num_characters = k + 1, 0
    if begin < len(texts):
        yield texts[begin:]


def _watched(chunks: Iterable[str], report: Callable[[int], None] | None) -> Iterator[str]:
    for chunk in chunks:
        yield chunk
        if report is not None:
            report(len(chunk.encode()))
