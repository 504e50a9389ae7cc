"""What a training did and what it cost."""

import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingReport:
    """What a training did and what it cost. `str()` makes some readable lines of it."""

    engine: str
    """`"textbook"` or `"compiled"`."""
    bytes_read: int
    """UTF-8 bytes of the corpus, special tokens included."""
    num_pieces: int
    """Pre-tokens in the corpus."""
    num_distinct_pieces: int
    """Different pre-tokens."""
    num_merges: int
    """Merges made."""
    longest_tokens: tuple[bytes, ...]
    """The five longest tokens that merges made, the longest first."""
    count_seconds: float
    """Reading, splitting and counting."""
    merge_seconds: float
    """Learning the merges."""
    total_seconds: float
    """The two and what lies between, such as loading the kernels."""
    peak_memory_bytes: int | None
    """The most memory that this process has ever held; None where the system does not tell."""

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


def peak_memory() -> int | None:
    """Return the most bytes of memory that this process has ever held, or None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
