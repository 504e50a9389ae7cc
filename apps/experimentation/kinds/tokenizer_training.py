"""Training a tokenizer: time, memory, and what was learned.

The tokenizer is trained on the training text of a corpus by the command `bpe train`, in a process of its own, so that
the memory measured is that of this alone. If the text has too few pairs of tokens to merge, the vocabulary stays
smaller than it was asked to be.

`values`:
    vocab_size, merges: of the tokenizer that was trained.
    text_bytes, distinct_pieces: bytes of the text, and different pieces (words, roughly) in it.
    seconds: for reading, counting and merging, with the time to load the compiled kernels.
    count_seconds, merge_seconds: the two parts.
    peak_memory_bytes: the largest memory of the process, interpreter included; 0 if the system does not report it.
    longest_token, longest_token_bytes: the longest token.
    engine: compiled or reference; see `bpe.train_bpe`.

`rows`: one: `corpus`, `vocab_size`, `merges`, `text_bytes`, `seconds`, `peak_memory_bytes`, `longest_token`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experimentation.corpus_text import CorpusChoice, texts_by_name
from experimentation.kind_settings import read_settings
from experimentation.workspace import Outcome, Workspace


@dataclass(frozen=True)
class Settings:
    """What to train on, and how large the vocabulary is."""

    corpus: CorpusChoice = "stories"
    vocab_size: int = 10_000


def run(settings: Mapping[str, Any], seed: int, workspace: Workspace) -> Outcome:
    """Train a tokenizer, and keep it in the member's folder as `tokenizer.json`.

    Raises:
        ValueError: a setting is unknown or not allowed, or the training failed; the message is that of `bpe train`.
    """
    del seed  # training draws nothing
    given = read_settings(Settings, settings)
    text = texts_by_name(workspace)[given.corpus]
    report = train_in_process(text.train_text, given.vocab_size, workspace.folder / "tokenizer.json")
    longest = report["longest_tokens"][0] if report["longest_tokens"] else ""
    figures: dict[str, float | int | str | bool] = {
        "vocab_size": report["num_tokens"],
        "merges": report["num_merges"],
        "text_bytes": report["bytes_read"],
        "seconds": report["total_seconds"],
        "peak_memory_bytes": report["peak_memory_bytes"] or 0,
        "longest_token": longest,
    }
    return Outcome(
        values={
            **figures,
            "distinct_pieces": report["num_distinct_pieces"],
            "count_seconds": report["count_seconds"],
            "merge_seconds": report["merge_seconds"],
            "longest_token_bytes": len(longest.encode()),
            "engine": report["engine"],
        },
        rows=({"corpus": text.name, **figures},),
    )


def train_in_process(text: Path, vocab_size: int, out: Path) -> dict[str, Any]:
    """Train a tokenizer with `bpe train`.

    Args:
        text: the training text.
        vocab_size: entries of the vocabulary.
        out: the tokenizer.json to write.

    Returns:
        The report, as `bpe train --json` prints it.

    Raises:
        ValueError: the command failed, with its message.
    """
    arguments = ["train", str(text), "--vocab-size", str(vocab_size), "--out", str(out), "--json"]
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "bpe", *arguments],
        capture_output=True,
        encoding="utf-8",
        env=_environment(),
        check=False,
    )
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise ValueError(f"training a tokenizer on {text} failed: {lines[-1]}")
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def _environment() -> dict[str, str]:
    """Return the environment of the command, whose output is UTF-8 on every system."""
    return {**os.environ, "PYTHONIOENCODING": "utf-8"}
