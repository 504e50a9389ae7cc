"""The two corpora of all experiments: texts, tokenizers and token files, made once in the directory of the results.

    texts/NAME-DIGEST/  text.json  tokenizer.json  train.bin  valid.bin  [train.txt  valid.txt]

A folder appears when it is complete. Its name contains a digest of what it was made from, so that other texts or
another vocabulary have a folder of their own.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bpe import Tokenizer, encode_file, read_token_file_info
from experimentation.results import write_json
from experimentation.scales import Scale
from experimentation.text_origins import Origin, Texts, origin
from experimentation.workspace import TextSource
from text_data import train_tokenizer

_RECORD = "text.json"


@dataclass(frozen=True)
class Corpora:
    """The first and the second corpus."""

    text: TextSource
    other_text: TextSource

    def describe(self) -> dict[str, Any]:
        """Return names and sizes as JSON, for the files of results."""
        return {"text": _description(self.text), "other_text": _description(self.other_text)}


@dataclass(frozen=True)
class CorporaRequest:
    """Which corpora are asked for."""

    scale: Scale
    text: Texts | None = None
    """Training and validation text that are given as the first corpus."""
    other_text: Texts | None = None

    def origins(self) -> tuple[Origin, Origin]:
        """Return where the two come from.

        Raises:
            ValueError: a given file does not exist, or at a scale that needs a real corpus there is none.
        """
        return origin("text", self.scale, self.text), origin("other_text", self.scale, self.other_text)


def find_corpora(request: CorporaRequest, directory: Path) -> Corpora | None:
    """Return the corpora if they have been made; nothing is written.

    Raises:
        ValueError: a given file does not exist, or at a scale that needs a real corpus there is none.
    """
    found = [_read(folder_of(each, directory)) for each in request.origins()]
    return None if found[0] is None or found[1] is None else Corpora(found[0], found[1])


def make_corpora(request: CorporaRequest, directory: Path, say: Callable[[str], None]) -> Corpora:
    """Return the corpora, and make what is missing: texts, tokenizers, token files.

    Args:
        request: which corpora.
        directory: where all results are.
        say: prints a line.

    Raises:
        ValueError: a text is missing or cannot be used.
        OSError: a file cannot be read or written.
    """
    first, second = (_make(each, directory, say) for each in request.origins())
    return Corpora(first, second)


def folder_of(source: Origin, directory: Path) -> Path:
    """Return the folder of a corpus, which need not exist."""
    content = json.dumps([source.name, source.source, source.vocab_size, source.identity], sort_keys=True)
    name = re.sub(r"[^a-z0-9]+", "_", source.name.lower()).strip("_")
    return directory / "texts" / f"{name}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"


def as_json(text: TextSource) -> dict[str, Any]:
    """Return a corpus as JSON."""
    return {name: str(value) if isinstance(value, Path) else value for name, value in asdict(text).items()}


def from_json(content: Mapping[str, Any]) -> TextSource:
    """Return the corpus that `as_json` described."""
    paths = ("train_text", "valid_text", "tokenizer", "train_tokens", "valid_tokens")
    values: dict[str, Any] = {name: Path(value) if name in paths else value for name, value in content.items()}
    return TextSource(**values)


def _make(source: Origin, directory: Path, say: Callable[[str], None]) -> TextSource:
    folder = folder_of(source, directory)
    if (found := _read(folder)) is not None:
        return found
    say(f"text: {source.name} ({source.source})")
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    for old in (unfinished, folder):  # what a process that was killed has left
        shutil.rmtree(old, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        train, valid = source.write(unfinished)
        tokenizer, train_tokens, valid_tokens = _encoded(source, (train, valid), unfinished)
        digest = hashlib.sha256(f"{_sha256(train)} {_sha256(valid)} {_sha256(tokenizer)}".encode()).hexdigest()
        paths = {
            "train_text": train,
            "valid_text": valid,
            "tokenizer": tokenizer,
            "train_tokens": train_tokens,
            "valid_tokens": valid_tokens,
        }
        # Paths in the folder are stored relative to it, since it may be moved.
        stored = {name: _relative(path, unfinished) for name, path in paths.items()}
        record = {"name": source.name, "source": source.source, "vocab_size": source.vocab_size, "digest": digest}
        write_json(unfinished / _RECORD, {**record, **stored})
        unfinished.replace(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    made = _read(folder)
    assert made is not None
    return made


def _encoded(source: Origin, texts: Texts, folder: Path) -> tuple[Path, Path, Path]:
    """Return tokenizer, training tokens and validation tokens; they are made if the corpus has none."""
    if source.prepared is not None:
        return source.prepared.tokenizer, source.prepared.train_tokens, source.prepared.valid_tokens
    path = folder / "tokenizer.json"
    tokenizer: Tokenizer = train_tokenizer(texts[0], source.vocab_size, path)
    tokens = (folder / "train.bin", folder / "valid.bin")
    for text, file in zip(texts, tokens, strict=True):
        encode_file(tokenizer, text, file)
    return path, *tokens


def _read(folder: Path) -> TextSource | None:
    """Return the corpus in a folder; None if it is not complete."""
    try:
        content = json.loads((folder / _RECORD).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    text = from_json(content)
    absolute = {
        name: folder.resolve() / value for name, value in vars(text).items() if isinstance(value, Path)
    }  # a path that is absolute stays what it is
    return TextSource(**{**vars(text), **absolute})


def _relative(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path.resolve())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _description(text: TextSource) -> dict[str, Any]:
    return {
        "name": text.name,
        "source": text.source,
        "train_bytes": text.train_text.stat().st_size,
        "valid_bytes": text.valid_text.stat().st_size,
        "train_tokens": read_token_file_info(text.train_tokens).count,
        "valid_tokens": read_token_file_info(text.valid_tokens).count,
        "vocab_size": text.vocab_size,
    }
