"""The type of the numbers in a token file: why uint16, and what would happen to an id that it cannot represent.

The setting `measure` chooses one of three tables.

`vocabularies`: each of `vocabularies`. `values`: none. `rows`: `vocabulary`, `vocab_size`, `bits` of its largest id,
and `dtype` and `bytes_per_id` of a token file with that id, which is written and measured.

`token_files`: the token files of both corpora. `values`: `tokens`, `bytes`, `bytes_as_int64`, of all of them together.
`rows`: `corpus`, `part` (train or valid), `vocab_size`, `tokens`, `largest_id`, `dtype`, `bytes` of the file, and the
bytes of as many ids of each type, `uint16_bytes`, `uint32_bytes` and `int64_bytes`.

`overflow`: each of `ids`, stored as uint16 without a check. `values`: `changed`, how many ids were stored as others.
`rows`: `id`, `stored_as_uint16`, `token` (the text that the stored id stands for in the first corpus' vocabulary, empty
if it has no such id), and `bpe`, what the writer of token files answers: its message, or the id that can be read back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bpe import TokenFileError, Tokenizer, open_token_file, read_token_file_info, write_token_file
from experimentation.kind_settings import read_settings
from experimentation.workspace import Outcome, TextSource, Workspace

_UINT16_IDS = 65_536
_SIZES = {"uint16_bytes": 2, "uint32_bytes": 4, "int64_bytes": 8}


@dataclass(frozen=True)
class Vocabulary:
    """A vocabulary that is known by its size alone."""

    name: str
    vocab_size: int


@dataclass(frozen=True)
class Settings:
    """Which table, and what is in it."""

    measure: Literal["vocabularies", "token_files", "overflow"] = "token_files"
    vocabularies: tuple[Vocabulary, ...] = ()
    ids: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Check that the table has lines, and that there are such ids."""
        for name in ("vocabularies", "ids"):
            if self.measure == {"ids": "overflow"}.get(name, name) and not getattr(self, name):
                raise ValueError(f"measure is {self.measure}, but {name} is empty: give at least one")
        for number in self.ids:
            if not 0 <= number < 2**32:
                raise ValueError(f"ids contains {number}: give ids from 0 to {2**32 - 1}")


def run(settings: Mapping[str, Any], seed: int, workspace: Workspace) -> Outcome:
    """Measure one of the tables.

    Raises:
        ValueError: a setting is unknown or out of range, or a token file is damaged.
        OSError: a file cannot be read or written.
    """
    del seed  # nothing is drawn
    given = read_settings(Settings, settings)
    tables: dict[str, Callable[[], Outcome]] = {
        "vocabularies": lambda: of_vocabularies(given.vocabularies, workspace.folder),
        "token_files": lambda: of_token_files(workspace.text, workspace.other_text),
        "overflow": lambda: of_overflow(given.ids, Tokenizer.load(workspace.text.tokenizer), workspace.folder),
    }
    return tables[given.measure]()


def of_vocabularies(vocabularies: tuple[Vocabulary, ...], folder: Path) -> Outcome:
    """Write the largest id of each vocabulary into a token file, and report what the file is like.

    Raises:
        ValueError: a vocabulary is empty, or too large for a token file.
    """
    rows = []
    for vocabulary in vocabularies:
        dtype, num_bytes = _write_one(vocabulary.vocab_size - 1, vocabulary.vocab_size, folder)
        rows.append(
            {
                "vocabulary": vocabulary.name,
                "vocab_size": vocabulary.vocab_size,
                "bits": (vocabulary.vocab_size - 1).bit_length(),
                "dtype": dtype,
                "bytes_per_id": num_bytes,
            }
        )
    return Outcome(values={}, rows=tuple(rows))


def of_token_files(*texts: TextSource) -> Outcome:
    """Compare what the token files take with what they would take in wider types."""
    rows = [
        _file_row(text.name, part, path)
        for text in texts
        for part, path in (("train", text.train_tokens), ("valid", text.valid_tokens))
    ]
    return Outcome(
        values={
            "tokens": sum(row["tokens"] for row in rows),
            "bytes": sum(row["bytes"] for row in rows),
            "bytes_as_int64": sum(row["int64_bytes"] for row in rows),
        },
        rows=tuple(rows),
    )


def _file_row(corpus: str, part: str, path: Path) -> dict[str, Any]:
    info = read_token_file_info(path)
    return {
        "corpus": corpus,
        "part": part,
        "vocab_size": info.vocab_size,
        "tokens": info.count,
        "largest_id": int(open_token_file(path).max()),
        "dtype": info.dtype,
        "bytes": path.stat().st_size,
        **{name: width * info.count for name, width in _SIZES.items()},
    }


def of_overflow(ids: tuple[int, ...], tokenizer: Tokenizer, folder: Path) -> Outcome:
    """Store ids as uint16 without a check, and through the writer of token files."""
    import numpy as np

    rows = []
    for given in ids:
        stored = int(np.array(given).astype(np.uint16))  # a conversion of arrays drops the upper bits without an error
        token = tokenizer.decode([stored]) if stored in tokenizer.vocab else ""
        rows.append({"id": given, "stored_as_uint16": stored, "token": token, "bpe": _answer(given, folder)})
    return Outcome(values={"changed": sum(row["id"] != row["stored_as_uint16"] for row in rows)}, rows=tuple(rows))


def _answer(given: int, folder: Path) -> str:
    """Return the id that a token file of 16 bits gives back, or the error with which it was refused."""
    try:
        _write_one(given, _UINT16_IDS, folder)
    except TokenFileError as error:
        return str(error)
    return str(given)


def _write_one(token_id: int, vocab_size: int, folder: Path) -> tuple[str, int]:
    """Write a token file of one id; return its dtype and its size in bytes, after reading the id back.

    Raises:
        TokenFileError: the id is outside the vocabulary, or the vocabulary too large for a token file.
    """
    path = folder / "one_id.bin"
    info = write_token_file(path, [token_id], vocab_size)
    read_back = int(open_token_file(path)[0])
    if read_back != token_id:
        raise TokenFileError(f"{path} contains {read_back}, but {token_id} was written")
    return info.dtype, path.stat().st_size
