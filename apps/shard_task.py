"""What a worker does with one file of a corpus: load the tokenizer, once in each process, and encode a shard.

A module of its own, so that workers import it: they find it as they find the script, in its folder.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from bpe import Tokenizer, encode_shard


@dataclass(frozen=True)
class ShardTask:
    """Encodes files into a folder, called with a row for each: `{"source": path, "name": name of the shard}`."""

    tokenizer: str
    """Path of the tokenizer file."""
    fingerprint: str
    """What `Tokenizer.fingerprint` has to be."""
    folder: str
    """The folder of shards."""
    column: str
    """The field or column with the text, for JSON lines and parquet."""
    separator: str | None
    """The special token that follows each document; see `bpe.encode_shard`."""

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Encode a file; return its `count` of tokens, or as `error` what is wrong with it."""
        source = str(row["source"])
        answer = {"source": source, "count": 0, "error": ""}
        try:
            tokenizer = _load(self.tokenizer, self.fingerprint)
            shard = encode_shard(
                tokenizer, source, self.folder, name=row["name"], column=self.column, separator=self.separator
            )
        except Exception as error:  # whatever is wrong with this file, the others are encoded
            reason = " ".join(str(error).split()) or "no reason given"
            if not isinstance(error, ValueError | OSError):
                reason = f"{type(error).__name__}: {reason}"
            return answer | {"error": reason if source in reason else f"{source}: {reason}"}
        return answer | {"count": shard.tokens.count}


@lru_cache(maxsize=1)
def _load(path: str, fingerprint: str) -> Tokenizer:
    """Load a tokenizer.

    Raises:
        ValueError: it is another one than the command has loaded.
    """
    tokenizer = Tokenizer.load(path)
    if tokenizer.fingerprint != fingerprint:
        raise ValueError(f"{path} is another tokenizer here than where the command runs: use a shared folder")
    return tokenizer
