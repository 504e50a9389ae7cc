"""samples.jsonl: the texts that a model wrote while it was trained, one JSON object per line.

Each line has `step`, `prompt` and `texts`, the continuations. The steps ascend: whoever writes a step removes what was
written from that step on, by a session that was interrupted before it saved that step. Nothing here loads torch.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from trainer import RunDirectory


@dataclass(frozen=True)
class Samples:
    """What a model wrote at a step."""

    step: int
    prompt: str
    """What each of the texts continues."""
    texts: tuple[str, ...]


def samples_path(run: RunDirectory) -> Path:
    """Return the path of the samples of a run."""
    return run.path / "samples.jsonl"


def write_samples(path: Path, samples: Samples) -> None:
    """Append the samples of a step, after removing those of this step and later ones.

    Raises:
        OSError: the file cannot be written.
    """
    end = 0
    for line_end, earlier in _entries(path):
        if earlier.step >= samples.step:
            break
        end = line_end
    with path.open("ab") as file:
        os.truncate(file.fileno(), end)
        file.write((json.dumps(asdict(samples)) + "\n").encode("utf-8"))


def read_samples(path: Path) -> list[Samples]:
    """Return the samples of a run, by step, up to the first line that is damaged; an empty list if there is no file."""
    return [samples for _, samples in _entries(path)]


def _entries(path: Path) -> Iterator[tuple[int, Samples]]:
    """Yield the samples of each step, with the position of the end of their line."""
    end = 0
    for line in path.read_bytes().splitlines(keepends=True) if path.exists() else ():
        samples = _parse(line)
        if samples is None:
            return
        end += len(line)
        yield end, samples


def _parse(line: bytes) -> Samples | None:
    """Return the samples on a line; None if it is not complete."""
    try:
        match json.loads(line):
            case {"step": int(step), "prompt": str(prompt), "texts": [*texts]} if line.endswith(b"\n"):
                return Samples(step, prompt, tuple(map(str, texts)))
    except ValueError:  # neither JSON nor UTF-8
        pass
    return None
