"""The tokenizer: text to ids and back."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bpe.checks import Engine, check_engine, check_num_threads
from bpe.engine import FROM_SOURCE, kernels_installed, use_kernels
from bpe.offsets import surrogate_error, token_offsets
from bpe.parallel import available_cores
from bpe.patterns import DEFAULT_PATTERN, split_pieces
from bpe.piece_ids import PieceIds
from bpe.reference import Pair
from bpe.special_policy import Special, allowed_in
from bpe.special_tokens import SpecialTokens
from bpe.streaming import safe_parts
from bpe.text_files import read_text
from bpe.token_files import id_dtype, import_numpy
from bpe.tokenizer_base import TokenizerBase

if TYPE_CHECKING:
    import numpy

    from bpe.compiled.encoder import CompiledEncoder

_NO_SPECIALS = SpecialTokens(())
_STREAM_BUFFER = 1 << 18  # characters of a stream that the kernels take at a time


class Tokenizer(TokenizerBase):
    """Byte-level BPE with a fixed vocabulary and merges.

    >>> vocab = dict(enumerate([b" ", b"a", b"c", b"e", b"h", b"t", b"th", b" c", b" a", b"the", b" at"]))
    >>> merges = [(b"t", b"h"), (b" ", b"c"), (b" ", b"a"), (b"th", b"e"), (b" a", b"t")]
    >>> tokenizer = Tokenizer(vocab, merges)
    >>> tokenizer.encode("the cat ate")
    [9, 7, 1, 5, 10, 3]
    >>> tokenizer.decode([9, 7, 1, 5, 10, 3])
    'the cat ate'
    """

    def __init__(
        self,
        vocab: Mapping[int, bytes],
        merges: Iterable[Pair],
        special_tokens: Sequence[str] | Mapping[str, int] | None = None,
        *,
        pattern: str = DEFAULT_PATTERN,
        ignore_merges: bool = False,
        engine: Engine = "auto",
    ) -> None:
        """Build a tokenizer.

        Args:
            vocab: the bytes of each id.
            merges: the pairs to merge, the first one first.
            special_tokens: strings that stand for one id each; those missing from `vocab` are appended after
                its largest id. Given with their ids, they have those.
            pattern: the split pattern, a name of `bpe.PATTERNS` or a regular expression.
            ignore_merges: take a piece that is itself an (ordinary) token whole, whatever the merges would make of
                it. Vocabularies with tokens that no merge makes need it, such as Llama 3's.
            engine: which code turns text into ids. "auto" picks the faster one for each input; the ids are the
                same with all. "compiled" needs the extra `bpe[fast]`.

        Raises:
            ValueError: an id is negative, a merge makes bytes that are not in `vocab`, a special token is empty,
                given twice or given an id that has other bytes, the pattern is not a regular expression, or there
                is no such engine.
        """
        check_engine(engine)
        self._engine: Engine = engine
        super().__init__(vocab, merges, special_tokens, pattern=pattern, ignore_merges=ignore_merges)
        taken_whole = self._ordinary_ids().keys() if ignore_merges else frozenset()
        self._piece_ids = PieceIds(self._ranks, self._id_of, taken_whole)
        self._encoder: CompiledEncoder | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave machine code and its tables behind: another process makes its own."""
        return {**self.__dict__, "_encoder": None}

    def _compiled(self, num_bytes: int) -> "CompiledEncoder | None":
        """Return the compiled path if it is to serve a text of so many bytes, else None."""
        kernel = "encode16" if id_dtype(self._vocab_size) == "uint16" else "encode32"
        if not use_kernels(self._engine, num_bytes, kernel, ready=self._encoder is not None):
            return None
        if self._encoder is None:
            if not all(bytes([byte]) in self._id_of for byte in range(256)):
                return None  # the kernels know no missing bytes
            from bpe.compiled.encoder import CompiledEncoder
            from bpe.compiled.model import CompiledModel, fits

            ordinary = self._ordinary_ids()
            if not fits(ordinary, ignore_merges=self._ignore_merges):
                return None
            model = CompiledModel(
                self._id_of,
                self._merges,
                ordinary,
                pattern=self._pattern_source,
                vocab_size=self.vocab_size,
                ignore_merges=self._ignore_merges,
            )
            self._encoder = CompiledEncoder(model, self._pattern, self._special_ids)
        return self._encoder

    def load_kernels(self, num_threads: int | None = None) -> bool:
        """Make ready what otherwise the first large text waits for: the kernels, and their tables of this vocabulary.

        A server may want that before its first request. Without the extra `bpe[fast]`, and with `engine="textbook"`,
        there is nothing to make ready.

        Args:
            num_threads: for how many threads; None means all processor cores.

        Returns:
            Whether the kernels will serve what is large.

        Raises:
            ValueError: `num_threads` is not positive, or `engine` is "compiled" and the extra is not installed.
        """
        check_num_threads(num_threads)
        if self._engine == "auto" and not kernels_installed():
            return False
        encoder = self._compiled(FROM_SOURCE)
        if encoder is not None:
            encoder.make_workers(num_threads or available_cores())
        return encoder is not None

    def compiled_for_file(self, path: str | os.PathLike[str]) -> "CompiledEncoder | None":
        """Return the compiled path if it is to serve a file, else None; for this package's own use."""
        path = Path(path)
        # What is no plain file has no size that the system tells; and not every system reads at an offset.
        size = path.stat().st_size if path.is_file() and hasattr(os, "preadv") else 0
        return self._compiled(size) if size else None

    def encode(self, text: str, *, allowed_special: Special = "all", disallowed_special: Special = ()) -> list[int]:
        """Return the ids of `text`; special tokens in it become their ids.

        `tiktoken` instead refuses a text with special tokens in it unless told otherwise, which is right for text
        from strangers: `allowed_special=(), disallowed_special="all"` does the same here.

        Args:
            text: any text.
            allowed_special: the special tokens to recognize: "all", or a collection of their strings.
            disallowed_special: the special tokens to refuse: "all" (that are not allowed), or a collection of
                their strings. Those neither allowed nor disallowed are encoded as ordinary text.

        Raises:
            ValueError: a disallowed special token is in the text, a name is no special token, the text has a
                surrogate in it, or a byte of the text is not in the vocabulary.
        """
        try:
            runs = self._id_runs(text, allowed_special, disallowed_special)
            return list(chain.from_iterable(run if isinstance(run, list) else run.tolist() for run in runs))
        except UnicodeEncodeError:
            raise surrogate_error(text) from None

    def encode_ordinary(self, text: str) -> list[int]:
        """Return the ids of `text`, in which nothing counts as a special token.

        Raises:
            ValueError: the text has a surrogate in it, or a byte that is not in the vocabulary.
        """
        return self.encode(text, allowed_special=())

    def encode_batch(
        self,
        texts: Iterable[str],
        *,
        num_threads: int | None = None,
        allowed_special: Special = "all",
        disallowed_special: Special = (),
    ) -> list[list[int]]:
        """Return the ids of each text, as `encode` gives them.

        Args:
            texts: the texts.
            num_threads: how many threads may share the work; None means all processor cores. (Plain Python
                can't share it: the textbook engine uses one.)
            allowed_special: as for `encode`.
            disallowed_special: as for `encode`.

        Raises:
            ValueError: as for `encode`; or `num_threads` is not positive, or `texts` is one string.
        """
        check_num_threads(num_threads)
        if isinstance(texts, str):
            raise ValueError("texts is one string: give a list of strings, or call encode")
        texts = list(texts)
        encoder = self._compiled(sum(map(len, texts)))
        if encoder is None:
            return [
                self.encode(text, allowed_special=allowed_special, disallowed_special=disallowed_special)
                for text in texts
            ]
        for text in texts:
            allowed = allowed_in(text, self._specials, allowed_special, disallowed_special)
        if not texts:
            return []
        try:
            return [ids.tolist() for ids in encoder.batch(texts, allowed, num_threads or available_cores())]
        except UnicodeEncodeError:
            raise next(surrogate_error(text) for text in texts if not _is_encodable(text)) from None

    def encode_to_numpy(
        self, text: str, *, allowed_special: Special = "all", disallowed_special: Special = ()
    ) -> "numpy.ndarray":
        """Return the ids of `text` as an array, `uint16` if `vocab_size` is at most 65,536, else `uint32`.

        Needs numpy. Arguments and errors are those of `encode`.
        """
        np = import_numpy()
        try:
            encoder = self._compiled(len(text))
            if encoder is not None:
                return encoder.array(text, allowed_in(text, self._specials, allowed_special, disallowed_special))
            ids = chain.from_iterable(self._id_runs(text, allowed_special, disallowed_special))
            return np.fromiter(ids, id_dtype(self.vocab_size))
        except UnicodeEncodeError:
            raise surrogate_error(text) from None

    def encode_file_to_numpy(self, path: str | os.PathLike[str], *, num_threads: int | None = None) -> "numpy.ndarray":
        """Return the ids of a UTF-8 file as one array, of the type that `encode_to_numpy` gives. Needs numpy.

        Args:
            path: the file; special tokens in it become their ids.
            num_threads: how many threads may share the work; None means all processor cores.

        Raises:
            TextFileError: the file is empty or not UTF-8.
            ValueError: a byte of the text is not in the vocabulary, or `num_threads` is not positive.
            OSError: the file cannot be read.
        """
        check_num_threads(num_threads)
        np = import_numpy()
        encoder = self.compiled_for_file(path)
        if encoder is not None:
            return encoder.file_array(path, self._specials, num_threads or available_cores())
        return np.fromiter(self.encode_iterable(read_text(path)), id_dtype(self.vocab_size))

    def count_tokens(self, text: str, *, allowed_special: Special = "all", disallowed_special: Special = ()) -> int:
        """Return how many ids `encode` gives, without building their list. Arguments and errors are the same."""
        try:
            return sum(map(len, self._id_runs(text, allowed_special, disallowed_special)))
        except UnicodeEncodeError:
            raise surrogate_error(text) from None

    def encode_with_offsets(
        self, text: str, *, allowed_special: Special = "all", disallowed_special: Special = ()
    ) -> tuple[list[int], list[tuple[int, int]]]:
        """Return the ids of `text`, and for each its `(start, end)` in characters of the text.

        A token that holds only some bytes of a character covers the whole character, so offsets may overlap.
        Arguments and errors are those of `encode`.
        """
        ids = self.encode(text, allowed_special=allowed_special, disallowed_special=disallowed_special)
        return ids, token_offsets(map(self._vocab.__getitem__, ids))

    def encode_iterable(self, iterable: Iterable[str]) -> Iterator[int]:
        """Yield the ids of the joined strings lazily, the same as `encode` would give, wherever they were cut.

        Memory does not grow with the input (see `bpe.streaming.safe_parts` for what bounds it).

        Raises:
            ValueError: the text has a surrogate in it, or a byte that is not in the vocabulary.
        """
        position = 0
        buffer = _STREAM_BUFFER if self._encoder is not None else None
        for part, is_special in safe_parts(iterable, self._specials, self._pattern, buffer):
            try:
                if is_special:
                    yield self._special_ids[part]
                else:
                    for run in self._encode_part(part, position):
                        yield from run if isinstance(run, list) else run.tolist()
            except UnicodeEncodeError:
                raise surrogate_error(part, position) from None
            position += len(part)

    def _id_runs(
        self, text: str, allowed_special: Special, disallowed_special: Special
    ) -> Iterator["list[int] | numpy.ndarray"]:
        """Yield the ids of `text` run by run; joined they are what `encode` returns."""
        allowed = allowed_in(text, self._specials, allowed_special, disallowed_special)
        encoder = self._compiled(len(text))
        if encoder is not None:
            return encoder.runs(text, allowed)
        return chain.from_iterable(
            ([self._special_ids[part]],) if is_special else self._textbook_runs(part)
            for part, is_special in allowed.split(text)
        )

    def _encode_part(self, part: str, before: int) -> Iterator["list[int] | numpy.ndarray"]:
        """Yield the ids of ordinary text run by run; `before` counts what came before it in a stream."""
        encoder = self._compiled(len(part) if self._encoder else before + len(part))
        return self._textbook_runs(part) if encoder is None else encoder.runs(part, _NO_SPECIALS)

    def _textbook_runs(self, part: str) -> Iterator[list[int]]:
        """Return the ids of ordinary text piece by piece. A surrogate raises `UnicodeEncodeError`."""
        return map(self._piece_ids.__getitem__, split_pieces(part, self._pattern))

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Return the bytes that the ids stand for.

        Raises:
            ValueError: an id is not in the vocabulary.
        """
        try:
            return b"".join([self._vocab[token_id] for token_id in ids])
        except KeyError as error:
            raise ValueError(
                f"id {error.args[0]!r} is not in the vocabulary, whose largest id is {self.vocab_size - 1}"
            ) from None

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text that the ids stand for, U+FFFD taking the place of malformed UTF-8.

        Raises:
            ValueError: an id is not in the vocabulary.
        """
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def decode_batch(self, batch: Iterable[Iterable[int]]) -> list[str]:
        """Return the text of each sequence of ids, as `decode` gives it."""
        return [self.decode(ids) for ids in batch]


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
