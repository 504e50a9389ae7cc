"""The corpora that have names: which files of which data set of the Hugging Face hub, and how they are used."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

END_OF_TEXT = "<|endoftext|>"
"""The special token between documents, in texts and in token files."""


@dataclass(frozen=True)
class Corpus:
    """A corpus on the hub."""

    name: str
    """What commands call it."""
    title: str
    """What people call it."""
    repository: str
    """The data set on the hub, as `owner/name`."""
    train_files: tuple[str, ...]
    """The files with the training text, in order. The ends of their names say what they are (`bpe.file_format`)."""
    valid_files: tuple[str, ...]
    """The files with the validation text; none if `valid_share` of the training files' documents is held out."""
    vocab_size: int
    """The vocabulary that is usual for it."""
    column: str = "text"
    """The column with the text, for JSON lines and parquet."""
    valid_share: float | None = None
    """The share of documents to hold out, if there are no validation files."""


_ALL = (
    Corpus(
        "tinystories",
        "TinyStories",
        "roneneldan/TinyStories",
        ("TinyStoriesV2-GPT4-train.txt",),
        ("TinyStoriesV2-GPT4-valid.txt",),
        vocab_size=10_000,
    ),
    Corpus(
        "owt",
        "OpenWebText",
        "stanford-cs336/owt-sample",
        ("owt_train.txt.gz",),
        ("owt_valid.txt.gz",),
        vocab_size=32_000,
    ),
    Corpus(
        "fineweb",
        "FineWeb-Edu (sample of 10 billion tokens)",
        "HuggingFaceFW/fineweb-edu",
        tuple(f"sample/10BT/{number:03}_00000.parquet" for number in range(14)),
        (),
        vocab_size=32_000,
        valid_share=0.001,  # some 10 million tokens
    ),
)

CORPORA: Mapping[str, Corpus] = MappingProxyType({corpus.name: corpus for corpus in _ALL})
"""The corpora by name."""
