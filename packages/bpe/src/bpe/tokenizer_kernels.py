"""The engines of a tokenizer: which of them encodes a text, and the ids that it gives.

The tables of the kernels are built when they are first needed.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bpe.character_model import CharacterModel, CharacterPieceIds
from bpe.checks import Engine, check_engine, check_num_threads
from bpe.engine import FROM_FILE, FROM_SOURCE, LARGE, kernels_installed, use_kernels, warn_of_reference
from bpe.parallel import available_cores
from bpe.patterns import DEFAULT_PATTERN, pattern_key, split_pieces
from bpe.pickling import PickledTokenizer
from bpe.piece_ids import PieceIds
from bpe.pre_tokenizers import SplitSteps
from bpe.reference import Pair
from bpe.special_policy import Special, allowed_in
from bpe.special_tokens import SpecialTokens
from bpe.table_files import read_tables, vocabulary_sections
from bpe.text_rules import NO_RULES, TextRules
from bpe.token_files import id_dtype, import_numpy
from bpe.tokenizer_files import TokenizerWithFiles
from bpe.tokenizer_lazy import FROM_FILES

if TYPE_CHECKING:
    import numpy

    from bpe.compiled.encoder import CompiledEncoder
    from bpe.compiled.model import CompiledModel


class TokenizerWithKernels(TokenizerWithFiles):
    """Adds the engines, and the choice between them, to `TokenizerWithFiles`."""

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
        """Build a tokenizer. Arguments and errors are those of `bpe.Tokenizer`."""
        check_engine(engine)
        super().__init__(
            vocab,
            merges,
            special_tokens,
            pattern=pattern,
            ignore_merges=ignore_merges,
            rules=rules,
            characters=characters,
        )
        self._engine: Engine = engine
        self._encoder: CompiledEncoder | None = None
        self._fits_kernels = True  # as far as is known
        never_merged = self._ordinary_ids().keys() if ignore_merges else frozenset()
        in_stand_ins = isinstance(self._pattern, SplitSteps) and self._pattern.in_stand_ins
        self._piece_ids = PieceIds(self._ranks, self._id_of, never_merged, in_stand_ins=in_stand_ins)
        if characters is not None:
            self._piece_ids = CharacterPieceIds(characters, self._ranks, self._id_of, never_merged)

        self._built = frozenset(vars(self))  # what is built again after pickling; a subclass may add attributes

    def __getstate__(self) -> dict[str, Any]:
        """Return what the tokenizer was built from, and the attributes of a subclass."""
        num_special = len(self._added_tokens) - len(self._rules.added_tokens)
        arguments = PickledTokenizer.of(
            self._vocab,
            self._merges,
            {token.content: token.id for token in self._added_tokens[:num_special]},
            pattern=self._given_pattern,
            ignore_merges=self._ignore_merges,
            rules=self._rules,
            characters=self._characters,
            engine=self._engine,
        )
        rebuilt = self._built | FROM_FILES | {"_built"}
        more = {name: value for name, value in vars(self).items() if name not in rebuilt}
        return {"arguments": arguments, "more": more}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Build the tokenizer again. Machine code and its tables are loaded when they are needed."""
        arguments: PickledTokenizer = state["arguments"]
        TokenizerWithKernels.__init__(
            self,
            arguments.vocab,
            arguments.merge_pairs,
            dict(arguments.special_tokens),
            pattern=arguments.pattern,
            ignore_merges=arguments.ignore_merges,
            rules=arguments.rules,
            characters=arguments.characters,
            engine=arguments.engine,
        )
        vars(self).update(state["more"])

    def load_kernels(self, num_threads: int | None = None) -> bool:
        """Load the kernels and build their tables of this vocabulary now, instead of at the first large text.

        A server can call this before its first request. Without the extra `bpe[fast]`, and with `engine="reference"`,
        there is nothing to load, and kernels cannot represent every vocabulary (BPE over characters without byte
        fallback, for example).

        Args:
            num_threads: the number of threads to prepare for; None means one for each processor core.

        Returns:
            Whether large texts will be encoded with the kernels.

        Raises:
            ValueError: `num_threads` is not positive, or `engine` is "compiled" and the extra is not installed.
        """
        check_num_threads(num_threads)
        if self._engine == "auto" and not kernels_installed():
            return False
        encoder = self._find_encoder(FROM_SOURCE)
        if encoder is not None:
            encoder.make_workers(num_threads or available_cores())
        return encoder is not None

    @property
    def found_tokens(self) -> SpecialTokens:
        """All tokens that are found in a text. Internal to this package."""
        return self._specials

    def compiled_for_file(self, path: str | os.PathLike[str]) -> "CompiledEncoder | None":
        """Return the compiled encoder if it is to encode this file, else None. Internal to this package."""
        path = Path(path)
        # Only a regular file has a known size, and not every system can read at an offset.
        size = path.stat().st_size if path.is_file() and hasattr(os, "preadv") else 0
        return self.compiled_for_size(size)

    def compiled_for_size(self, num_bytes: int) -> "CompiledEncoder | None":
        """Return the compiled encoder if it is to encode so many bytes, else None. Internal to this package."""
        return self._compiled(num_bytes) if num_bytes else None

    def _compiled(self, num_bytes: int) -> "CompiledEncoder | None":
        """Return the compiled encoder if it is to encode a text of `num_bytes` bytes, else None.

        Warns:
            UserWarning: the text is large, and the kernels are not installed or cannot represent the vocabulary.
        """
        encoder = self._find_encoder(num_bytes)
        if not self._fits_kernels and num_bytes >= LARGE:
            warn_of_reference()
        return encoder

    def _find_encoder(self, num_bytes: int) -> "CompiledEncoder | None":
        """Return what `_compiled` does, without its warning of a vocabulary; the encoder is built only once."""
        kernel = "encode16" if id_dtype(self._vocab_size) == "uint16" else "encode32"
        # A text of any length is worth it if the reference would have to read files first.
        worth = max(num_bytes, FROM_FILE) if num_bytes and self.lacks_dictionaries else num_bytes
        if not use_kernels(self._engine, worth, kernel, ready=self._encoder is not None):
            return None
        if self._encoder is None and self._fits_kernels:
            self._encoder = self._build_encoder()
            self._fits_kernels = self._encoder is not None
        return self._encoder

    def _build_encoder(self) -> "CompiledEncoder | None":
        """Return a compiled encoder, or None if the kernels cannot represent this vocabulary."""
        if self._characters is not None:
            return self._build_character_encoder()
        from bpe.compiled.encoder import CompiledEncoder

        model = self._kept_model()
        if model is not None:
            return CompiledEncoder(model, self._pattern, self._added_ids, self._segments)
        from bpe.compiled.model import CompiledModel, fits

        ordinary = self._ordinary_ids()
        if not fits(ordinary, ignore_merges=self._ignore_merges):
            return None
        model = CompiledModel(
            self._id_of,
            self._merges,
            ordinary,
            pattern=pattern_key(self._pattern),
            vocab_size=self.vocab_size,
            ignore_merges=self._ignore_merges,
        )
        if model.dtype != id_dtype(self.vocab_size):
            return None  # with ids for the bytes that it lacks, the vocabulary needs more than 16 bits
        if self._content_key is not None:
            from bpe.compiled.kept_models import keep_model

            keep_model(self._content_key, self._facts(), vocabulary_sections(self._vocab), model)
        return CompiledEncoder(model, self._pattern, self._added_ids, self._segments)

    def _kept_model(self) -> "CompiledModel | None":
        """Return the tables from the file that an earlier process wrote, if there is a valid one."""
        if self._content_key is None:
            return None
        table_file = self._table_file or read_tables(self._content_key)
        if table_file is None:
            return None
        from bpe.compiled.kept_models import kept_model

        return kept_model(table_file)

    def _build_character_encoder(self) -> "CompiledEncoder | None":
        """Return a compiled encoder for BPE over characters, or None if the kernels cannot represent it."""
        if self._characters is None or not self._characters.byte_fallback:
            return None
        from bpe.compiled.character_model import byte_model
        from bpe.compiled.encoder import CompiledEncoder
        from bpe.compiled.model import CompiledModel, fits

        ordinary = self._ordinary_ids()
        translated = byte_model(
            self._id_of, self._merges, self.vocab_size, import_numpy().dtype(id_dtype(self.vocab_size))
        )
        if translated is None or not fits(ordinary, ignore_merges=self._ignore_merges):
            return None
        model = CompiledModel(
            translated.id_of,
            translated.merges,
            ordinary,
            pattern=pattern_key(self._pattern),
            vocab_size=translated.vocab_size,
            ignore_merges=self._ignore_merges,
            expansion=translated.expansion,
        )
        return CompiledEncoder(model, self._pattern, self._added_ids, self._segments)

    def _around(self, add_special_tokens: bool) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the ids to put before and after a text."""
        return (self.begin_ids, self.end_ids) if add_special_tokens else ((), ())

    def _id_runs(
        self, text: str, allowed_special: Special, disallowed_special: Special, add_special_tokens: bool = False
    ) -> Iterator["list[int] | numpy.ndarray"]:
        """Yield the ids of `text` in runs, which together are what `encode` returns."""
        if add_special_tokens:
            inside = self._id_runs(text, allowed_special, disallowed_special, add_special_tokens=False)
            return chain([list(self.begin_ids)], inside, [list(self.end_ids)])
        allowed = self._allowed(text, allowed_special, disallowed_special)
        encoder = self._compiled(len(text))
        if encoder is not None:
            return encoder.runs(text, allowed)
        return chain.from_iterable(
            self._reference_runs(part) if token_id is None else ([token_id],)
            for part, token_id in self._segments.split(text, allowed)
        )

    def _allowed(self, text: str, allowed_special: Special, disallowed_special: Special) -> SpecialTokens:
        """Return the tokens to find in `text`, after checking that it contains none that are disallowed."""
        return allowed_in(text, self._specials, allowed_special, disallowed_special, self._not_special)

    def _encode_part(self, part: str, before: int) -> Iterator["list[int] | numpy.ndarray"]:
        """Yield the ids of ordinary text in runs; `before` is the number of characters before it in a stream."""
        encoder = self._compiled(len(part) if self._encoder else before + len(part))
        return self._reference_runs(part) if encoder is None else encoder.ordinary_runs(part)

    def _reference_runs(self, part: str) -> Iterator[list[int]]:
        """Return the ids of ordinary text, piece by piece. A surrogate raises `UnicodeEncodeError`."""
        return map(self._piece_ids.__getitem__, split_pieces(part, self._pattern))
