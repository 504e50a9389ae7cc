"""The error of reading and writing the formats of other libraries."""


class InterchangeError(ValueError):
    """A model that the other format cannot represent, or a file that this library cannot read."""
