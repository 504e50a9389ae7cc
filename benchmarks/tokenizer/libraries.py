"""The libraries that are measured, what each can do, and the fastest way to use each."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.common.machine import installed_version


@dataclass(frozen=True)
class Library:
    """A library, and what it can do."""

    name: str
    distribution: str
    encodes: bool
    """It can load GPT-2's vocabulary."""
    trains: bool
    how: str
    """How it is used, for the page."""
    largest: int | None = None
    """The most bytes that it encodes in one run, to bound the time of a run; None for all."""
    startup_only: bool = False
    """A way to use a library that is faster only in a process that has just started."""

    @property
    def version(self) -> str | None:
        """The installed version, or None if it is not installed. Ours may also be run from its source tree."""
        return installed_version(self.distribution) or ("from its source tree" if self.name == "ours" else None)


LIBRARIES = (
    Library(
        "ours",
        "bpe",
        encodes=True,
        trains=True,
        how="`Tokenizer.from_files` and, except for start-up, `load_kernels()`, which builds the tables that the peers "
        "build when they load a vocabulary; `encode_file_to_numpy(path, num_threads=...)`; "
        "training `train_bpe(path, ...)`. Fresh processes find the kernels, and the tables of the vocabulary, that an "
        "earlier process has kept in files.",
    ),
    Library(
        "gigatoken",
        "gigatoken",
        encodes=True,
        trains=True,
        how="`Tokenizer.from_tiktoken`, `encode_files(TextFileSource([path], separator=...), parallel=...)`, whose "
        "awkward array is not converted; training `gigatoken_rs.train_bpe` on the same kind of source.",
    ),
    Library(
        "gigatoken-bytes",
        "gigatoken",
        encodes=True,
        trains=False,
        how="for start-up only: `encode` of the file's bytes as one text on one thread, which does not import awkward.",
        startup_only=True,
    ),
    Library(
        "tiktoken",
        "tiktoken",
        encodes=True,
        trains=False,
        how="ranks from a `.tiktoken` file; `encode_to_numpy` of the whole text on 1 thread, or of its documents in a "
        "thread pool (not `encode_ordinary_batch`, whose lists would have to be converted to an array).",
        largest=16_000_000,
    ),
    Library(
        "tokenizers",
        "tokenizers",
        encodes=True,
        trains=True,
        how="`encode_batch_fast` of the documents, whose ids are then concatenated to an array; limited to 1 thread "
        "with `TOKENIZERS_PARALLELISM` and `RAYON_NUM_THREADS`; training `train_from_iterator` on the documents.",
        largest=4_000_000,
    ),
    Library(
        "fastokens",
        "fastokens",
        encodes=True,
        trains=False,
        how="`encode_batch_flat` of the documents, whose buffer is the array; it always uses one thread, and a pool of "
        "Python threads makes it slower.",
    ),
    Library(
        "rustbpe",
        "rustbpe",
        encodes=False,
        trains=True,
        how="training only (`train_from_iterator` on the documents): it cannot load a vocabulary.",
    ),
)


def choose(names: Sequence[str]) -> list[Library]:
    """Return the libraries of these names, always with ours first; all libraries if there are no names.

    Raises:
        ValueError: a name is not known.
    """
    known = [library.name for library in LIBRARIES]
    for name in names:
        if name not in known:
            raise ValueError(f"--library is {name!r}, which is not known: choose from {', '.join(known)}")
    return [library for library in LIBRARIES if not names or library.name in {"ours", *names}]
