"""The errors of preparing data. Each is one sentence for the user: what was given, what is allowed, what to do."""


class PreparationError(ValueError):
    """Data that cannot be prepared."""


class DataNotFoundError(PreparationError):
    """A corpus that is neither prepared nor in the hub's cache, and that cannot be fetched now."""
