"""Where the two corpora come from: given on the command line, prepared by apps/prepare_data.py, or generated here."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bpe import Tokenizer, open_token_file
from experimentation.scales import Scale
from experimentation.workspace import Source
from preparation import CORPORA, PreparedData, find_prepared
from stories import END_OF_STORY, write_corpus

Texts = tuple[Path, Path]
"""A training text and a validation text."""
Which = Literal["text", "other_text"]
"""The first or the second corpus."""
_PREPARED: Mapping[Which, str] = {"text": "tinystories", "other_text": "owt"}
_OPTIONS: Mapping[Which, str] = {"text": "--text", "other_text": "--other-text"}
_ROOT = Path(__file__).resolve().parents[2]
_PROJECT_FILES = ("*.md", "docs/*.md", "packages/*/README.md", "packages/*/src/**/*.py", "apps/**/*.py")
_VALID_EVERY = 20
_IDS_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Origin:
    """Where a corpus comes from, before anything is written."""

    name: str
    """What the report calls it."""
    source: Source
    vocab_size: int
    identity: Mapping[str, Any]
    """What its texts depend on, as JSON: another one needs other tokenizers and token files."""
    write: Callable[[Path], Texts]
    """Write the texts into a folder, if they are not files already, and return their paths."""
    prepared: PreparedData | None = None
    """Its tokenizer and token files, if it has been prepared."""


def origin(which: Which, scale: Scale, given: Texts | None) -> Origin:
    """Return where a corpus comes from: the files that are given, else prepared ones, else generated ones.

    Args:
        which: the first corpus, stories, or the second, web text.
        scale: sets the vocabulary, and how much text may be generated.
        given: the texts that the command line names.

    Raises:
        ValueError: a given file does not exist, or at a scale that needs a real corpus there is none.
    """
    vocab_size = scale.vocab_size if which == "text" else scale.other_vocab_size or scale.vocab_size
    if given is not None:
        return _given(given, vocab_size, _OPTIONS[which])
    corpus = _PREPARED[which]
    if (prepared := find_prepared(corpus, vocab_size)) is not None:
        return _from_token_files(CORPORA[corpus].title, prepared, vocab_size)
    if scale.generated_bytes is None:
        raise ValueError(
            f"scale {scale.name} needs a real corpus: prepare it with apps/prepare_data.py {corpus} "
            f"--vocab-size {vocab_size}, or give {_OPTIONS[which]} TRAIN VALID"
        )
    make = _generated_stories if which == "text" else _project_text
    return make(scale.generated_bytes, vocab_size)


def _given(texts: Texts, vocab_size: int, option: str) -> Origin:
    for path in texts:
        if not path.is_file():
            raise ValueError(f"{path} ({option}) is not a file: check its name")
    train, valid = (path.resolve() for path in texts)
    files = [{"path": str(path), "bytes": path.stat().st_size, "time": path.stat().st_mtime_ns} for path in texts]
    name = train.parent.name if train.stem == "train" and train.parent == valid.parent else train.stem
    return Origin(name, "given", vocab_size, {"files": files}, lambda _: (train, valid))


def _from_token_files(name: str, prepared: PreparedData, vocab_size: int) -> Origin:
    """Return a prepared corpus, whose texts are restored from its token files, which contain all of them."""
    paths = (prepared.train_tokens, prepared.valid_tokens)
    files = [{"path": str(path), "bytes": path.stat().st_size, "time": path.stat().st_mtime_ns} for path in paths]

    def write(folder: Path) -> Texts:
        tokenizer = Tokenizer.load(prepared.tokenizer)
        texts = (folder / "train.txt", folder / "valid.txt")
        for tokens, text in zip(paths, texts, strict=True):
            ids = open_token_file(tokens)
            with text.open("wb") as file:
                for start in range(0, len(ids), _IDS_AT_ONCE):
                    file.write(tokenizer.decode_bytes(ids[start : start + _IDS_AT_ONCE].tolist()))
        return texts

    return Origin(name, "prepared", vocab_size, {"files": files}, write, prepared)


def _generated_stories(num_bytes: int, vocab_size: int) -> Origin:
    def write(folder: Path) -> Texts:
        write_corpus(folder / "train.txt", folder / "valid.txt", num_bytes, seed=0)
        return folder / "train.txt", folder / "valid.txt"

    return Origin("generated stories", "generated", vocab_size, {"stories": num_bytes}, write)


def _project_text(num_bytes: int, vocab_size: int) -> Origin:
    """Return the documentation and the Python source of this project as a corpus, its files in random order."""

    def write(folder: Path) -> Texts:
        files = sorted({path for pattern in _PROJECT_FILES for path in _ROOT.glob(pattern)})
        random.Random(0).shuffle(files)  # noqa: S311 - not for cryptography
        documents: list[str] = []
        size = 0
        for path in files:
            if size >= num_bytes:
                break
            documents.append(f"{path.read_text('utf-8').strip()}\n{END_OF_STORY}\n")
            size += len(documents[-1].encode())
        texts = folder / "train.txt", folder / "valid.txt"
        train = "".join(each for number, each in enumerate(documents) if number % _VALID_EVERY)
        texts[0].write_text(train, "utf-8")
        texts[1].write_text("".join(documents[::_VALID_EVERY]), "utf-8")
        return texts

    return Origin("documentation and source of this project", "generated", vocab_size, {"project": num_bytes}, write)
