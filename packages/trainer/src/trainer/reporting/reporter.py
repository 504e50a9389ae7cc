"""The interface of everything that a run reports to."""

Metrics = dict[str, float | int | None]
"""The metrics of a step by name; None if a value is not known, such as the MFU of an unknown device."""


class ReportingError(ValueError):
    """A service cannot be used for reporting."""


class Reporter:
    """Receives the metrics and messages of a run; a subclass overrides the methods that it needs."""

    def metrics(self, step: int, values: Metrics) -> None:
        """Report the metrics of a step."""

    def message(self, text: str) -> None:
        """Report a line of text."""

    def sync(self) -> None:
        """Write everything reported so far to the disk."""

    def close(self, *, failed: bool) -> None:
        """Finish, after an error or not; nothing is reported afterwards."""

    def abandon(self) -> None:
        """Finish at once, without waiting for a service; nothing is reported afterwards."""
        self.close(failed=True)
