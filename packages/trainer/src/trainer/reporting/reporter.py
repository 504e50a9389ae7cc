"""What everything that a run tells of itself to has in common."""

Metrics = dict[str, float | int | None]
"""Figures of a step by name; None is a figure that is not known, such as the MFU on an unknown device."""


class ReportingError(ValueError):
    """A place to report to that cannot be used."""


class Reporter:
    """Something that metrics and messages are told to; it overrides what it is interested in."""

    def metrics(self, step: int, values: Metrics) -> None:
        """Take the figures of a step."""

    def message(self, text: str) -> None:
        """Take a line for people."""

    def sync(self) -> None:
        """Make sure that what was told so far survives a power cut."""

    def close(self, *, failed: bool) -> None:
        """Finish, after an error or not; nothing comes after this."""

    def leave(self) -> None:
        """Finish at once, without waiting for anybody; nothing comes after this."""
        self.close(failed=True)
