"""What goes wrong when models change hands."""


class InterchangeError(ValueError):
    """A model that the other format cannot hold, or a file that this library cannot take."""
