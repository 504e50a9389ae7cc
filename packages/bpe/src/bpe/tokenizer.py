"""The tokenizer: from text to ids and back."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from bpe.character_model import CharacterModel
from bpe.checks import Engine, check_input_path, check_num_threads, check_text
from bpe.offsets import first_surrogate_error, surrogate_error, token_offsets
from bpe.parallel import available_cores
from bpe.patterns import DEFAULT_PATTERN
from bpe.pre_tokenizers import SplitSteps
from bpe.reference import Pair
from bpe.special_policy import Special
from bpe.text_files import read_text
from bpe.text_rules import NO_RULES, TextRules
from bpe.token_files import id_dtype, import_numpy
from bpe.tokenizer_kernels import TokenizerWithKernels

if TYPE_CHECKING:
    import numpy

_STREAM_BUFFER = 1 << 18  # characters of a stream that are collected for the kernels


class Tokenizer(TokenizerWithKernels):
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
        pattern: str | SplitSteps = DEFAULT_PATTERN,
        ignore_merges: bool = False,
        rules: TextRules = NO_RULES,
        characters: CharacterModel | None = None,
        engine: Engine = "auto",
    ) -> None:
        """Build a tokenizer.

        Args:
            vocab: the bytes of each id.
            merges: the pairs to merge, in order of rank.
            special_tokens: strings that are encoded as one id each; those missing from `vocab` are appended after
                its largest id. A mapping gives their ids.
            pattern: the split pattern, a name of `bpe.PATTERNS` or a regular expression; or the steps that split text.
            ignore_merges: encode a piece that is itself an (ordinary) token as that token, whatever the merges would
                give. Vocabularies with tokens that no merge makes need it, such as Llama 3's.
            rules: what is done to a text besides; `load` reads such rules from files.
            characters: the options of BPE over characters, if it is that and not BPE over bytes.
            engine: which code turns text into ids: "reference" (plain Python), "compiled" (needs the extra
                `bpe[fast]`), or "auto", which chooses the faster one for each input. All give the same ids.

        Raises:
            ValueError: an id is negative, a merge makes bytes that are not in `vocab`, a special token is empty,
                given twice or given an id that has other bytes, the pattern is not a regular expression, or the
                engine is unknown.
        """
        super().__init__(
            vocab,
            merges,
            special_tokens,
            pattern=pattern,
            ignore_merges=ignore_merges,
            rules=rules,
            characters=characters,
            engine=engine,
        )

    def encode(
        self,
        text: str,
        *,
        allowed_special: Special = "all",
        disallowed_special: Special = (),
        add_special_tokens: bool = False,
    ) -> list[int]:
        """Return the ids of `text`. Special tokens in it are encoded as their ids.

        `tiktoken` raises an error by default if a text contains special tokens, which is right for untrusted text. Here
        `allowed_special=(), disallowed_special="all"` does the same.

        Args:
            text: any text.
            allowed_special: the special tokens to recognize: "all", or a collection of their strings.
            disallowed_special: the special tokens that raise an error: "all" (those not allowed), or a collection of
                their strings. Those neither allowed nor disallowed are encoded as ordinary text.
            add_special_tokens: whether to put the tokens around the text that the tokenizer's file asks for
                (`begin_ids` and `end_ids`), which is the default in `tokenizers` and not here.

        Raises:
            ValueError: a disallowed special token is in the text, a name is not a special token, the text contains
                a surrogate or a byte that is not in the vocabulary, or it is not a string.
        """
        check_text(text)
        try:
            runs = self._id_runs(text, allowed_special, disallowed_special, add_special_tokens)
            return list(chain.from_iterable(run if isinstance(run, list) else run.tolist() for run in runs))
        except UnicodeEncodeError:
            raise surrogate_error(text) from None

    def encode_ordinary(self, text: str) -> list[int]:
        """Return the ids of `text` without recognizing special tokens.

        Raises:
            ValueError: the text contains a surrogate, or a byte that is not in the vocabulary.
        """
        return self.encode(text, allowed_special=())

    def encode_batch(
        self,
        texts: Iterable[str],
        *,
        num_threads: int | None = None,
        allowed_special: Special = "all",
        disallowed_special: Special = (),
        add_special_tokens: bool = False,
    ) -> list[list[int]]:
        """Return the ids of each text, as `encode` gives them.

        Args:
            texts: the texts.
            num_threads: the number of threads that share the work; None means one for each processor core. (The
                reference engine always uses one.)
            allowed_special: as for `encode`.
            disallowed_special: as for `encode`.
            add_special_tokens: as for `encode`.

        Raises:
            ValueError: as for `encode`; or `num_threads` is not positive, or `texts` is a single string.
        """
        check_num_threads(num_threads)
        if isinstance(texts, str):
            raise ValueError("texts is a single string: give a list of strings, or call encode")
        texts = list(texts)
        for text in texts:
            check_text(text)
        encoder = self._compiled(sum(map(len, texts)))
        if encoder is None:
            return [
                self.encode(
                    text,
                    allowed_special=allowed_special,
                    disallowed_special=disallowed_special,
                    add_special_tokens=add_special_tokens,
                )
                for text in texts
            ]
        for text in texts:
            allowed = self._allowed(text, allowed_special, disallowed_special)
        if not texts:
            return []
        try:
            arrays = encoder.batch(texts, allowed, num_threads or available_cores())
            begin, end = self._around(add_special_tokens)
            return [[*begin, *ids.tolist(), *end] for ids in arrays] if begin or end else [a.tolist() for a in arrays]
        except UnicodeEncodeError:
            raise first_surrogate_error(texts) from None

    def encode_to_numpy(
        self,
        text: str,
        *,
        allowed_special: Special = "all",
        disallowed_special: Special = (),
        add_special_tokens: bool = False,
    ) -> "numpy.ndarray":
        """Return the ids of `text` as an array, `uint16` if `vocab_size` is at most 65,536, else `uint32`.

        Needs numpy. Arguments and errors are those of `encode`.
        """
        check_text(text)
        np = import_numpy()
        try:
            encoder = self._compiled(len(text))
            if encoder is not None:
                ids = encoder.array(text, self._allowed(text, allowed_special, disallowed_special))
                begin, end = self._around(add_special_tokens)
                return np.concatenate([begin, ids, end], dtype=ids.dtype, casting="unsafe") if begin or end else ids
            runs = self._id_runs(text, allowed_special, disallowed_special, add_special_tokens)
            return np.fromiter(chain.from_iterable(runs), id_dtype(self.vocab_size))
        except UnicodeEncodeError:
            raise surrogate_error(text) from None

    def encode_file_to_numpy(self, path: str | os.PathLike[str], *, num_threads: int | None = None) -> "numpy.ndarray":
        """Return the ids of a UTF-8 file as one array, of the dtype that `encode_to_numpy` gives. Needs numpy.

        Args:
            path: the file, not compressed. Special tokens in it are encoded as their ids.
            num_threads: the number of threads that share the work; None means one for each processor core.

        Raises:
            TextFileError: the file is empty or not UTF-8.
            ValueError: a byte of the text is not in the vocabulary, `path` is not a path or not that of a plain text,
                or `num_threads` is not positive.
            OSError: the file cannot be read.
        """
        from bpe.document_files import is_plain_text  # not needed to encode a text

        path = check_input_path(path, "path", "to encode a text, call encode_to_numpy(text)")
        if not is_plain_text(path):
            raise ValueError(f"{path} is compressed or contains documents: call encode_file, then open_token_file")
        check_num_threads(num_threads)
        np = import_numpy()
        encoder = self.compiled_for_file(path)
        if encoder is not None:
            return encoder.file_array(path, self._specials, num_threads or available_cores())
        return np.fromiter(self.encode_iterable(read_text(path)), id_dtype(self.vocab_size))

    def count_tokens(
        self,
        text: str,
        *,
        allowed_special: Special = "all",
        disallowed_special: Special = (),
        add_special_tokens: bool = False,
    ) -> int:
        """Return the number of ids that `encode` gives, without building a list. Arguments and errors are the same."""
        check_text(text)
        try:
            return sum(map(len, self._id_runs(text, allowed_special, disallowed_special, add_special_tokens)))
        except UnicodeEncodeError:
            raise surrogate_error(text) from None

    def encode_with_offsets(
        self,
        text: str,
        *,
        allowed_special: Special = "all",
        disallowed_special: Special = (),
        add_special_tokens: bool = False,
    ) -> tuple[list[int], list[tuple[int, int]]]:
        """Return the ids of `text`, and for each id its `(start, end)` in characters of the text.

        A token with only some bytes of a character covers the whole character, so offsets may overlap. The tokens that
        `add_special_tokens` puts around a text have the offsets (0, 0). Arguments and errors are those of `encode`.

        Raises:
            ValueError: the tokenizer encodes a changed text, as with a normalizer, so there are no offsets in this one.
        """
        ids = self.encode(text, allowed_special=allowed_special, disallowed_special=disallowed_special)
        tokens = [self._text_of[token_id] for token_id in ids]
        if b"".join(tokens) != text.encode():
            raise ValueError(
                "this tokenizer changes the text before it encodes it (see its `rules`), so there are no offsets: "
                "normalize the text first, or call encode"
            )
        begin, end = self._around(add_special_tokens)
        return [*begin, *ids, *end], [*[(0, 0)] * len(begin), *token_offsets(tokens), *[(0, 0)] * len(end)]

    def encode_iterable(self, iterable: Iterable[str]) -> Iterator[int]:
        """Yield the ids of the joined strings lazily. They are those that `encode` gives, wherever the text is cut.

        Memory does not grow with the input (see `bpe.streaming.safe_parts` for what bounds it).

        Raises:
            ValueError: the text contains a surrogate, or a byte that is not in the vocabulary.
        """
        position = 0
        buffer = _STREAM_BUFFER if self._encoder is not None else None
        chunks = iterable if self._segments.plain else _without_surrogates(iterable)
        for part, token_id in self._segments.split_stream(chunks, self._specials, self._pattern, buffer):
            try:
                if token_id is not None:
                    yield token_id
                else:
                    for run in self._encode_part(part, position):
                        yield from run if isinstance(run, list) else run.tolist()
            except UnicodeEncodeError:
                raise surrogate_error(part, position) from None
            position += len(part)


def _without_surrogates(chunks: Iterable[str]) -> Iterator[str]:
    """Yield the chunks; raise an error at the first surrogate, since its position is unknown after normalization."""
    position = 0
    for chunk in chunks:
        try:
            chunk.encode()
        except UnicodeEncodeError:
            raise surrogate_error(chunk, position) from None
        position += len(chunk)
        yield chunk
