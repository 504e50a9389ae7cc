"""The whole page of a run."""

from pathlib import Path

from run_page.configuration import configuration
from run_page.curves import curves
from run_page.frame import page_of
from run_page.markup import Html, details, element, section, table
from run_page.provenance import data, environment
from run_page.record import RunRecord, read_record
from run_page.results import cost, outcome, status
from run_page.samples import last_samples, learning
from trainer import RunDirectory


def write_run_page(run: RunDirectory, problem: str | None = None) -> Path:
    """Write the page of a run into its folder, completely or not at all, and return its path.

    Args:
        run: the run, in any state: it need not be finished.
        problem: why the run ended, if it did not end well.

    Raises:
        ValueError: its configuration or its metrics are damaged.
        OSError: a file cannot be read or written.
    """
    path = run.path / "report.html"
    text = _page(read_record(run, problem), curves(run), run.config.read_text("utf-8"))
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.write_text(text, "utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _page(record: RunRecord, drawn: Html, config_text: str) -> str:
    """Return the page as HTML."""
    tiles = [element("div", element("dt", name), element("dd", value)) for name, value in outcome(record)]
    body = element(
        "main",
        element("h1", record.name),
        element("p", status(record), class_="problem" if record.diverged else "status"),
        element("dl", *tiles, class_="tiles") if tiles else "",
        section("Curves", drawn),
        section("Samples", last_samples(record.samples)),
        section("How it learned", learning(record.samples)),
        section("What it cost", table(cost(record))),
        section("Configuration", configuration(record.config, config_text)),
        section("Data", data(record)),
        section("Environment", environment(record)),
        section("Log", details("The last messages", element("pre", record.log)) if record.log else ""),
    )
    return page_of(record.name, body)
