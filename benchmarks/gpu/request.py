"""What a part is asked to measure."""

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Row = dict[str, Any]
"""The figures of one case, which has the key "case": what was measured."""
Rows = Iterator[Row]


class NotMeasuredError(Exception):
    """Something cannot be measured here; the message says why."""


@dataclass(frozen=True)
class Request:
    """Where and how large a part measures."""

    part: str
    """Its name."""
    device: str
    """`cuda`, or `cpu` to try the script itself."""
    tiny: bool
    """Tiny models, whose figures mean nothing."""
    folder: str
    """For files that parts write."""
    tokens: str | None = None
    """Token file to train on; generated stories if there is none."""
    variants: tuple[str, ...] = ()
    """Settings that are tried in addition, as `training.compile=off`."""

    @property
    def mode(self) -> str:
        """Models are compiled on a GPU. Compiling for a CPU takes longer than everything else."""
        return "compiled" if self.device == "cuda" else "eager"

    @property
    def path(self) -> Path:
        """The folder."""
        return Path(self.folder)

    @property
    def scratch(self) -> Path:
        """A folder in it for what is not kept."""
        return self.path / "scratch"

    @property
    def compile_cache(self) -> Path:
        """The compile cache of all parts."""
        return self.scratch / "compile_cache"

    def case(self, task: str, library: str, **more: Any) -> dict[str, Any]:
        """Return a request to a task of `benchmarks.model`.

        Args:
            task: its name.
            library: what is measured.
            more: what the task needs besides; `mode` replaces the usual one.
        """
        common = {"task": task, "library": library, "mode": self.mode, "device": self.device, "quick": self.tiny}
        return {**common, "steps": 1, **more, **({"steps": 1, "warm_up": 0, "lead_in": 0} if self.tiny else {})}

    def rounds(self, number: int) -> int:
        """Return how often something is measured: twice if tiny."""
        return 2 if self.tiny else number

    def to_json(self) -> str:
        """Return the request as text."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Request":
        """Undo `to_json`."""
        fields = json.loads(text)
        return cls(**{**fields, "variants": tuple(fields["variants"])})
