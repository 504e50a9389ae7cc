"""Training a vocabulary: seconds, memory, and how many tokens the libraries have in common."""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks.common.medians import median_of, median_ratio
from benchmarks.tokenizer.settings import Row, Settings


def train(settings: Settings, vocab_sizes: Sequence[int], large_bytes: int | None) -> Row:
    """Measure training on each corpus, and once on the corpora repeated to `large_bytes` (for the peak of memory)."""
    cases = itertools.product(settings.texts, vocab_sizes)
    rows = [row for text, size in cases for row in _train(settings, text, size, settings.repetitions)]
    large: list[Row] = []
    if large_bytes is not None:
        text = _repeat(settings.texts, settings.scratch / "large.txt", large_bytes)
        large = _train(settings, text, min(vocab_sizes), 1)
        text.unlink()
    return {"corpora": rows, "large": large}


def _train(settings: Settings, text: Path, vocab_size: int, repetitions: int) -> list[Row]:
    names = [library.name for library in settings.able(lambda library: library.trains)]
    requests: list[Row] = [
        {
            "task": "train",
            "library": name,
            "threads": None,
            "path": str(text),
            "vocab_size": vocab_size,
            "tokens_path": str(settings.scratch / f"tokens-{name}.json"),
        }
        for name in names
    ]
    answers = settings.interleave(requests, repetitions)
    tokens = [json.loads(Path(request["tokens_path"]).read_text("ascii")) for request in requests]
    return [
        {
            "corpus": text.name,
            "bytes": text.stat().st_size,
            "vocab_size": vocab_size,
            "library": name,
            "seconds": median_of(theirs, "seconds"),
            "ours_over_peer": median_ratio(theirs, answers[0], "seconds"),
            "peak_bytes": median_of(theirs, "peak"),
            "tokens_in_common": share_in_common(learned, tokens[0]),
            "runs": theirs,
        }
        for name, theirs, learned in zip(names, answers, tokens, strict=True)
    ]


def share_in_common(tokens: Sequence[str], others: Sequence[str]) -> float:
    """Return the share of `tokens` that are also in `others`."""
    return len(set(tokens) & set(others)) / len(set(tokens))


def _repeat(texts: Sequence[Path], out: Path, size: int) -> Path:
    with out.open("wb") as file:
        for text in itertools.cycle(texts):
            if file.tell() >= size:
                return out
            file.write(text.read_bytes())
    return out
