"""A plugin of pytest that puts our adapters in the place of the course's, and explains what does not pass.

`pytest -p course.plugin`, in a checkout of the course's repository, with the name of the module of adapters in an
environment variable. No file of the checkout is changed: its tests say `from .adapters import …`, and Python finds that
`tests.adapters` has been imported already.
"""

import importlib
import os
import sys
from collections import defaultdict
from collections.abc import Iterator

import pytest

from course.reasons import explain, explain_expected
from course.repository import ADAPTERS

Report = pytest.TestReport | pytest.CollectReport


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """Register our module under the name of the course's, before any of its files is imported."""
    sys.modules["tests.adapters"] = importlib.import_module(os.environ[ADAPTERS])
    sys.dont_write_bytecode = True  # the course's folder is not ours to write into


def pytest_configure(config: pytest.Config) -> None:
    """Add the summary."""
    config.pluginmanager.register(Summary())


class Summary:
    """Collects the errors of the tests that fail, and prints what did not pass at the end."""

    def __init__(self) -> None:
        self.errors: dict[str, str] = {}
        """The error of each test that failed, by the name of the test."""

    def pytest_exception_interact(
        self,
        node: pytest.Item | pytest.Collector,  # noqa: ARG002 pytest passes arguments by name, and checks the names
        call: pytest.CallInfo[object],
        report: Report,
    ) -> None:
        """Take note of an error."""
        if call.excinfo is not None:
            self.errors[report.nodeid] = call.excinfo.exconly()

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the tests that did not pass, by their reasons."""
        tests: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for outcome, reports in terminalreporter.stats.items():
            for report in reports:
                for reason in self._reasons(outcome, report):
                    tests[outcome, reason].append(report.nodeid.removeprefix("tests/"))
        if tests:
            terminalreporter.section("what did not pass, and why")
        for (outcome, reason), names in tests.items():
            terminalreporter.write_line(f"{outcome}: {reason}")
            for name in names:
                terminalreporter.write_line(f"    {name}")

    def _reasons(self, outcome: str, report: Report) -> Iterator[str]:
        """Yield why a test did not pass; nothing if it did."""
        if outcome == "skipped":
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            yield reason.removeprefix("Skipped: ")
        elif outcome == "xfailed":
            yield explain_expected(report.longreprtext)
        elif outcome in ("failed", "error"):
            error = self.errors.get(report.nodeid, "").strip()
            yield explain(error) or (error or "see above").splitlines()[0]
