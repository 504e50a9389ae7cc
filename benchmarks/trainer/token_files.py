"""Token files of random ids."""

import json
from pathlib import Path

import numpy as np

_CHUNK = 1 << 22


def write_tokens(path: Path, count: int, vocab_size: int, *, seed: int) -> None:
    """Write a token file of random uint16 ids, and its description beside it."""
    generator = np.random.default_rng(seed)
    with path.open("wb") as file:
        for first in range(0, count, _CHUNK):
            ids = generator.integers(0, vocab_size, min(_CHUNK, count - first), dtype=np.uint16)
            file.write(ids.astype("<u2").tobytes())
    description = {"dtype": "uint16", "count": count}
    path.with_name(f"{path.name}.json").write_text(json.dumps(description) + "\n", "utf-8")
