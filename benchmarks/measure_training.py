"""Training a vocabulary: seconds, memory, and how many tokens the libraries agree on."""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path

import figures
from runs import interleave
from settings import Row, Settings


def train(settings: Settings, vocab_sizes: Sequence[int], large_bytes: int | None) -> Row:
    """Measure training on each corpus, and once on `large_bytes` of the corpora repeated (for the peak of memory)."""
    cases = list(itertools.product(settings.texts, vocab_sizes))
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
    answers = interleave(requests, repetitions, say=settings.say)
    tokens = [json.loads(Path(request["tokens_path"]).read_text("ascii")) for request in requests]
    return [
        {
            "corpus": text.name,
            "bytes": text.stat().st_size,
            "vocab_size": vocab_size,
            "library": name,
            "seconds": figures.median_of(theirs, "seconds"),
            "ours_over_peer": figures.median_ratio(theirs, answers[0], "seconds"),
            "peak_bytes": figures.median_of(theirs, "peak"),
            "tokens_in_common": figures.share_in_common(learned, tokens[0]),
            "runs": theirs,
        }
        for name, theirs, learned in zip(names, answers, tokens, strict=True)
    ]


def _repeat(texts: Sequence[Path], out: Path, size: int) -> Path:
    with out.open("wb") as file:
        for text in itertools.cycle(texts):
            if file.tell() >= size:
                return out
            file.write(text.read_bytes())
    return out
