"""What is to be prepared: the files, the settings that determine the results, and where the results are."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from preparation.corpora import CORPORA, END_OF_TEXT, Corpus
from preparation.errors import PreparationError

DATA = Path(__file__).resolve().parents[2] / "data"
"""The default folder: `data` in the repository."""
SMALLEST_VOCABULARY = 257
"""The 256 bytes and `<|endoftext|>`."""
_LARGEST_VOCABULARY = 1 << 24
_MAX_TOKENIZER_BYTES = 12_000_000_000


@dataclass(frozen=True)
class PreparedData:
    """What a training run needs."""

    train_tokens: Path
    """The token file of the training text."""
    valid_tokens: Path
    """The token file of the validation text."""
    tokenizer: Path
    """The `tokenizer.json`."""


@dataclass(frozen=True)
class Settings:
    """What determines the results, besides the files."""

    vocab_size: int
    """Entries of the tokenizer."""
    column: str
    """The column or field with the text, for JSON lines and parquet."""
    valid_share: float | None
    """The share of the documents to hold out for validation; None if there are validation files."""
    max_bytes: int | None
    """How many bytes of the training text to use; None for all."""
    tokenizer_bytes: int = _MAX_TOKENIZER_BYTES
    """On how many bytes of it the tokenizer is trained: of more, the memory for distinct words would be large and the
    vocabulary the same."""
    separator: str = END_OF_TEXT
    """The special token between documents."""

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            PreparationError: a value is out of its range.
        """
        if not SMALLEST_VOCABULARY <= self.vocab_size <= _LARGEST_VOCABULARY:
            raise PreparationError(
                f"--vocab-size is {self.vocab_size}: give {SMALLEST_VOCABULARY} (256 bytes and {END_OF_TEXT}) "
                f"to {_LARGEST_VOCABULARY:,}"
            )
        if self.valid_share is not None and not 0 < self.valid_share < 1:
            raise PreparationError(f"--valid is {self.valid_share}: give a share between 0 and 1, or files")
        if self.max_bytes is not None and self.max_bytes < 1:
            raise PreparationError(f"--max-bytes is {self.max_bytes}: give a positive number of bytes")

    def as_inputs(self) -> dict[str, Any]:
        """Return the settings as JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Job:
    """A corpus, or files of the user's, to prepare."""

    folder: Path
    """The folder of the corpus; the results are in a folder for the vocabulary in it."""
    settings: Settings
    corpus: Corpus | None = None
    """The corpus of the hub; None for files of the user's."""
    train_paths: tuple[Path, ...] = ()
    """The user's training files."""
    valid_paths: tuple[Path, ...] = ()
    """The user's validation files; none if documents are held out."""

    @property
    def results(self) -> Path:
        """The folder of the results."""
        return results_folder(self.folder, self.settings.vocab_size)

    @property
    def source(self) -> str:
        """What it is prepared from, for people."""
        if self.corpus is not None:
            return self.corpus.repository
        return ", ".join(str(path.resolve()) for path in (*self.train_paths, *self.valid_paths))


def results_folder(folder: Path, vocab_size: int) -> Path:
    """Return where the results for a vocabulary are, in the folder of a corpus."""
    return folder / f"vocab_{vocab_size}"


def result_paths(results: Path) -> PreparedData:
    """Return the paths of the results in their folder."""
    return PreparedData(results / "train.bin", results / "valid.bin", results / "tokenizer.json")


def corpus_job(name: str, vocab_size: int, folder: Path, max_bytes: int | None = None) -> Job:
    """Return the job for a corpus of the hub.

    Raises:
        PreparationError: there is no such corpus, or the vocabulary is too small.
    """
    corpus = CORPORA.get(name)
    if corpus is None:
        raise PreparationError(f"there is no corpus {name!r}: choose one of {', '.join(CORPORA)}")
    return Job(folder, Settings(vocab_size, corpus.column, corpus.valid_share, max_bytes), corpus)
