"""Compression: how many bytes of text a token stands for, with each corpus' tokenizer on each corpus' text.

A tokenizer is the one that the corpus has already if it is of the size asked for; otherwise one is trained on the
corpus' training text. The text is the validation text, which no tokenizer was trained on. Bytes include the separators
between documents.

`values`: bytes per token: `stories_on_stories`, `stories_on_web` (the stories' tokenizer on web text),
`web_on_stories`, `web_on_web`.

`rows`: one for each of the four: `tokenizer` (the name of its corpus), `vocab_size`, `corpus` (of the text), `bytes`,
`tokens`, `bytes_per_token`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bpe import TokenFileInfo, Tokenizer, encode_file
from experimentation.corpus_text import CorpusChoice, texts_by_name
from experimentation.kind_settings import read_settings
from experimentation.kinds.tokenizer_training import train_in_process
from experimentation.workspace import Outcome, TextSource, Workspace


@dataclass(frozen=True)
class Settings:
    """Entries of the tokenizer of each corpus."""

    stories_vocab_size: int = 10_000
    web_vocab_size: int = 32_000


def run(settings: Mapping[str, Any], seed: int, workspace: Workspace) -> Outcome:
    """Encode both validation texts with both tokenizers.

    Raises:
        ValueError: a setting is unknown or out of range, or a text cannot be used.
        OSError: a file cannot be read or written.
    """
    del seed  # nothing is drawn
    given = read_settings(Settings, settings)
    texts = texts_by_name(workspace)
    sizes: dict[CorpusChoice, int] = {"stories": given.stories_vocab_size, "web": given.web_vocab_size}
    tokenizers = {
        name: tokenizer_of(text, sizes[name], workspace.folder / f"{name}_tokenizer.json")
        for name, text in texts.items()
    }
    values: dict[str, float | int | str | bool] = {}
    rows = []
    for name, tokenizer in tokenizers.items():
        for corpus, text in texts.items():
            info = measure(tokenizer, text.valid_text, workspace.folder / "encoded.bin")
            values[f"{name}_on_{corpus}"] = info.bytes_per_token or 0.0
            rows.append(
                {
                    "tokenizer": texts[name].name,
                    "vocab_size": tokenizer.vocab_size,
                    "corpus": text.name,
                    "bytes": info.text_bytes,
                    "tokens": info.count,
                    "bytes_per_token": info.bytes_per_token,
                }
            )
    return Outcome(values=values, rows=tuple(rows))


def tokenizer_of(text: TextSource, vocab_size: int, path: Path) -> Tokenizer:
    """Return the tokenizer of a corpus with so many entries; train it, and save it at `path`, if there is none."""
    own = Tokenizer.load(text.tokenizer)
    if own.vocab_size == vocab_size:
        return own
    train_in_process(text.train_text, vocab_size, path)
    return Tokenizer.load(path)


def measure(tokenizer: Tokenizer, text: Path, encoded: Path) -> TokenFileInfo:
    """Return how many bytes and tokens a text has; `encoded` is used for its ids, and removed."""
    info = encode_file(tokenizer, text, encoded)
    encoded.unlink()
    encoded.with_name(f"{encoded.name}.json").unlink()
    return info
