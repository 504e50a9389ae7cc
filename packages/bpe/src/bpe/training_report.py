"""The report of a training: what was counted and what it cost."""

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class TrainingReport:
    """What was counted in a training and what it cost. `str()` gives some readable lines."""

    engine: str
    """`"reference"` or `"compiled"`."""
    bytes_read: int
    """UTF-8 bytes of the corpus, special tokens included."""
    num_pieces: int
    """Pieces (pre-tokens) in the corpus."""
    num_distinct_pieces: int
    """Different pieces."""
    num_merges: int
    """Merges learned."""
    longest_tokens: tuple[bytes, ...]
    """The five longest tokens made by merges, the longest first."""
    count_seconds: float
    """Time for reading, splitting and counting."""
    merge_seconds: float
    """Time for learning the merges."""
    total_seconds: float
    """Time for both and for everything else, such as loading the kernels."""
    peak_memory_bytes: int | None
    """The maximum memory of this process so far; None if the system does not report it."""

    def __str__(self) -> str:
        memory = "unknown" if self.peak_memory_bytes is None else f"{self.peak_memory_bytes / 2**20:,.0f} MiB"
        longest = "  ".join(repr(token.decode("utf-8", errors="replace")) for token in self.longest_tokens)
        rows = [
            ("engine", self.engine),
            (
                "read",
                f"{self.bytes_read:,} bytes, {self.num_pieces:,} pre-tokens, {self.num_distinct_pieces:,} distinct",
            ),
            ("merges", f"{self.num_merges:,}"),
            ("longest tokens", longest or "none"),
            (
                "time",
                f"{self.total_seconds:.2f} s (counting {self.count_seconds:.2f} s, merging {self.merge_seconds:.2f} s)",
            ),
            ("peak memory", memory),
        ]
        return "\n".join(f"{name:<15}{value}" for name, value in rows)

    def as_json(self) -> dict[str, Any]:
        """Return the report as values that JSON can represent; tokens are text, malformed UTF-8 replaced by U+FFFD."""
        tokens = [token.decode("utf-8", errors="replace") for token in self.longest_tokens]
        return {**asdict(self), "longest_tokens": tokens}


def peak_memory() -> int | None:
    """Return the maximum memory of this process so far in bytes, or None if the system does not report it.

    On Linux a process inherits `ru_maxrss` from the one that started it, so the memory of a large parent would be
    attributed to its child; `VmHWM` belongs to the process alone.
    """
    own = _own_peak()
    if own is not None:
        return own
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _own_peak() -> int | None:
    """Return `VmHWM`, in bytes; None where there is no such file or line."""
    try:
        lines = _STATUS.read_text("ascii", errors="replace").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), None)
