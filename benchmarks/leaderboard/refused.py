"""What record runs use and the ladder does not try, each with its reason."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Refused:
    """A change that is not tried."""

    name: str
    reason: str


REFUSED = (Refused("vocabulary padded to a multiple of 64", "32,000 is one: `padded` and `given` sizes are the same"),)
