"""Which libraries are measured, what each can do, and how each is used at its best."""

from collections.abc import Sequence
from dataclasses import dataclass

from runs import installed_version


@dataclass(frozen=True)
class Library:
    """A library as the benchmarks know it."""

    name: str
    distribution: str
    encodes: bool
    """It can load GPT-2's vocabulary."""
    trains: bool
    how: str
    """A sentence on how it is used."""
    largest: int | None = None
    """Bytes of text that it gets at most in one run of encoding, so that a run ends; None for all."""
    startup_only: bool = False
    """A way to use a library that pays only where a process has just started."""

    @property
    def version(self) -> str | None:
        """The installed version, None where it is not installed. Ours may also be run from its source tree."""
        return installed_version(self.distribution) or ("from its source tree" if self.name == "ours" else None)


LIBRARIES = (
    Library(
        "ours",
        "bpe",
        encodes=True,
        trains=True,
        how="`Tokenizer.from_files` and, except for start-up, `load_kernels()`, which makes the tables that the peers "
        "make when they load a vocabulary; `encode_file_to_numpy(path, num_threads=...)`; "
        "training `train_bpe(path, ...)`.",
    ),
    Library(
        "gigatoken",
        "gigatoken",
        encodes=True,
        trains=True,
        how="`Tokenizer.from_tiktoken`, `encode_files(TextFileSource([path], separator=...), parallel=...)`, whose "
        "awkward array is taken as it is; training `gigatoken_rs.train_bpe` on the same kind of source.",
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
        how="ranks from a `.tiktoken` file; `encode_to_numpy` of the whole text on 1 thread, of its documents by a "
        "pool of threads on all (rather than `encode_ordinary_batch`, whose lists would have to be made an array).",
        largest=16_000_000,
    ),
    Library(
        "tokenizers",
        "tokenizers",
        encodes=True,
        trains=True,
        how="`encode_batch_fast` of the documents, whose ids are then joined to an array; 1 thread by "
        "`TOKENIZERS_PARALLELISM` and `RAYON_NUM_THREADS`; training `train_from_iterator` on the documents.",
        largest=4_000_000,
    ),
    Library(
        "fastokens",
        "fastokens",
        encodes=True,
        trains=False,
        how="`encode_batch_flat` of the documents, whose buffer is the array; it works on one thread whatever it is "
        "told, and a pool of Python threads makes it slower.",
    ),
    Library(
        "rustbpe",
        "rustbpe",
        encodes=False,
        trains=True,
        how="training alone (`train_from_iterator` on the documents): it cannot load a vocabulary.",
    ),
)


def choose(names: Sequence[str]) -> list[Library]:
    """Return the libraries of these names, ours always and first; no names mean all.

    Raises:
        ValueError: a name is not known.
    """
    known = [library.name for library in LIBRARIES]
    for name in names:
        if name not in known:
            raise ValueError(f"library {name!r} is not known: choose from {', '.join(known)}")
    return [library for library in LIBRARIES if not names or library.name in {"ours", *names}]
