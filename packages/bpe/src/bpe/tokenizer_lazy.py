"""A tokenizer from files that were read before: what it needs for large texts is in one file, and the rest can wait.

The dictionaries of a tokenizer are built from its files: the bytes of each id, the id of each token, the rank of each
merge. That takes a few tenths of a second. Kernels do not need them, if their tables were kept (`bpe.table_files`). So
where there are such tables, a tokenizer begins with the few tokens that are found in a text, and reads its files in
full when one of its dictionaries is first used, such as for decoding.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from bpe.engine import kernels_installed
from bpe.plain_values import from_plain, to_plain
from bpe.pre_tokenizers import SplitSteps
from bpe.read_files import read_regular_file
from bpe.table_files import TableFile, content_key, kept_vocabulary, read_tables
from bpe.text_rules import NO_RULES
from bpe.tokenizer_base import TokenizerBase

_VOCABULARY = frozenset({"_vocab", "_text_of"})
FROM_FILES = frozenset({"_read_in_full", "_table_file", "_fingerprint"})
"""Attributes that a tokenizer has besides if it is from files that were read before."""
_DICTIONARIES = _VOCABULARY | {"_merges", "_id_of", "_ranks", "_piece_ids"}


class LazyTokenizer(TokenizerBase):
    """Adds to `TokenizerBase` that dictionaries can be built when they are first used."""

    _read_in_full: Callable[[], Self] | None = None
    """Returns the complete tokenizer, if the dictionaries are missing."""
    _content_key: str | None = None
    """The key for the tables of this tokenizer, if it is from files."""
    _table_file: TableFile | None = None
    """The file with the tables, if it was found."""

    _fingerprint: str | None = None
    """The fingerprint, if that file has it."""

    if not TYPE_CHECKING:  # else every attribute would seem to exist

        def __getattr__(self, name: str) -> Any:
            """Build a dictionary that is missing: the vocabulary from the kept file, the others from the files."""
            if name not in _DICTIONARIES:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
            if name in _VOCABULARY and self._table_file is not None:
                vocab = kept_vocabulary(self._table_file)
                if vocab is not None:
                    vocab = self.__dict__.setdefault("_vocab", vocab)
                    return self.__dict__.setdefault("_text_of", vocab)
            read = self._read_in_full
            if read is not None:
                complete = read()
                for dictionary in _DICTIONARIES:
                    self.__dict__.setdefault(dictionary, complete.__dict__[dictionary])
                self._read_in_full = None
            return self.__dict__[name]  # which another thread may have set

    @property
    def lacks_dictionaries(self) -> bool:
        """Whether the reference would have to read files first. Internal to this package."""
        return self._read_in_full is not None

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything that determines the ids: tokenizers with the same fingerprint give the same ids."""
        return self._fingerprint or super().fingerprint

    @classmethod
    def _from_contents(
        cls,
        read: Callable[..., Self],
        paths: Sequence[str | os.PathLike[str]],
        *options: Sequence[str] | Mapping[str, int] | str | None,
    ) -> Self:
        """Return `read(*files, *options)`, or a tokenizer that calls this when it has to.

        Args:
            read: reads files that are given instead of their paths.
            paths: the paths of the files.
            options: arguments of the user, which were not checked.
        """
        files = [file for path in paths if (file := read_regular_file(path)) is not None]
        is_ours = cls.__init__.__module__.startswith("bpe.")  # others have to be given everything
        if len(files) < len(paths) or not is_ours or not kernels_installed():
            return read(*paths, *options)
        in_full = partial(read, *files, *options)
        given = [list(option.items()) if isinstance(option, Mapping) else option for option in options]
        endings = [Path(path).suffix for path in paths]  # which may decide how a file is read
        key = content_key(read.__name__, [file.content for file in files], [*given, endings])
        table_file = None if key is None else read_tables(key)
        if table_file is not None and table_file.facts["facts"] is not None:
            tokenizer = cls._from_facts(**table_file.facts["facts"])
            tokenizer._read_in_full = in_full
        else:
            tokenizer = in_full()
        tokenizer._content_key, tokenizer._table_file = key, table_file
        return tokenizer

    def _facts(self) -> dict[str, Any] | None:
        """Return what `_from_facts` needs, as JSON can express it, or None if it cannot."""
        pattern = self._given_pattern
        largest = self._vocab_size - 1
        others = {token.content for token in self._rules.added_tokens}
        try:
            return {
                "special_tokens": {t.content: t.id for t in self._added_tokens if t.content not in others},
                "largest": [largest, self._vocab[largest].hex()],
                "pattern": [to_plain(pattern.steps), pattern.border] if isinstance(pattern, SplitSteps) else pattern,
                "ignore_merges": self._ignore_merges,
                "rules": None if self._rules == NO_RULES else to_plain(self._rules),
                "fingerprint": self.fingerprint,
            }
        except TypeError:
            return None

    @classmethod
    def _from_facts(
        cls,
        special_tokens: dict[str, int],
        largest: Iterable[Any],
        pattern: Any,
        ignore_merges: bool,
        rules: Any,
        fingerprint: str,
    ) -> Self:
        """Return a tokenizer with the same tokens to find, but a vocabulary of only these and the largest id."""
        largest_id, as_hex = largest
        tokenizer = cls(
            {largest_id: bytes.fromhex(as_hex)},
            [],
            special_tokens,
            pattern=pattern if isinstance(pattern, str) else SplitSteps(from_plain(pattern[0]), pattern[1]),
            ignore_merges=ignore_merges,
            rules=NO_RULES if rules is None else from_plain(rules),
        )
        for dictionary in _DICTIONARIES:
            del tokenizer.__dict__[dictionary]
        tokenizer._fingerprint = fingerprint
        return tokenizer
