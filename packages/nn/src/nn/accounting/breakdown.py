"""A count that is the sum of its parts."""

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Breakdown:
    """Numbers that add up: each field of a subclass is one part."""

    def parts(self) -> dict[str, int]:
        """Return the parts by name, in order."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def total(self) -> int:
        """The sum of all parts."""
        return sum(self.parts().values())


def at_least_one(**sizes: int) -> None:
    """Check that all sizes are at least 1.

    Raises:
        ValueError: a size is below 1.
    """
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} is {size}: it must be at least 1")
