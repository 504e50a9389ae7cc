"""How fast text was encoded, and how long a corpus of the usual size would take at that rate."""

from dataclasses import dataclass

LARGE_BYTES = 825e9
"""The size of the Pile, to which throughput is extrapolated in the literature."""


@dataclass(frozen=True)
class Throughput:
    """A text that was encoded, and the time that it took.

    >>> Throughput(6_800_000, 1.0).hours_for_825_gb
    33.7
    """

    num_bytes: int
    """Bytes of UTF-8."""
    seconds: float

    @property
    def megabytes_per_second(self) -> float:
        """Millions of bytes per second."""
        return round(self.num_bytes / self.seconds / 1e6, 2)

    @property
    def hours_for_825_gb(self) -> float:
        """The hours that 825 GB would take."""
        return round(LARGE_BYTES / (self.num_bytes / self.seconds) / 3600, 2)
