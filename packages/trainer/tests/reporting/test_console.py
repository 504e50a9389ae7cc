import io

import pytest
from rich.console import Console

from trainer.reporting.console import ConsoleAndLog, format_metrics

FIGURES = {"train_loss": 2.5, "tokens_per_second": 1234.0}


def test_messages_go_to_console_and_log(tmp_path):
    output = io.StringIO()
    reporter = ConsoleAndLog(tmp_path / "log.txt", 0, 10, Console(file=output, force_terminal=True, width=120))
    reporter.metrics(5, FIGURES)
    reporter.message("[not markup] a line")
    reporter.metrics(10, FIGURES)
    reporter.metrics(10, {"valid_loss": 2.0})
    reporter.sync()
    reporter.close(failed=False)
    assert "[not markup] a line" in output.getvalue()
    assert "loss 2.500  1,234 tokens/s" in output.getvalue()
    assert "10/10" in output.getvalue()
    assert (tmp_path / "log.txt").read_text().endswith(" [not markup] a line\n")


def test_without_a_terminal_a_line_is_printed_every_ten_seconds(tmp_path):
    output = io.StringIO()
    now = [0.0]
    reporter = ConsoleAndLog(tmp_path / "log.txt", 0, 2000, Console(file=output, width=120), clock=lambda: now[0])
    for step, seconds in ((1, 0.0), (2, 9.0), (1003, 11.0), (1004, 12.0)):
        now[0] = seconds
        reporter.metrics(step, FIGURES)
    reporter.metrics(1004, {"valid_loss": 2.0})
    reporter.close(failed=False)
    assert output.getvalue().splitlines() == [
        "step 1/2,000  loss 2.500  1,234 tokens/s",
        "step 1,003/2,000  loss 2.500  1,234 tokens/s",
    ]


class ClosedPipe(io.StringIO):
    def write(self, text):
        raise BrokenPipeError(32, "Broken pipe")


@pytest.mark.parametrize("terminal", [True, False])
def test_a_closed_console_does_not_stop_the_run(tmp_path, terminal):
    console = Console(file=ClosedPipe(), force_terminal=terminal, width=120)
    if terminal:
        console.show_cursor = lambda show=True: True  # the first thing that a progress bar does
    reporter = ConsoleAndLog(tmp_path / "log.txt", 0, 10, console) if not terminal else None
    if reporter is None:  # the pipe is closed after the progress bar has started
        file = io.StringIO()
        console = Console(file=file, force_terminal=True, width=120)
        reporter = ConsoleAndLog(tmp_path / "log.txt", 0, 10, console)
        console.file = ClosedPipe()
    for text in ("one", "two"):
        reporter.message(text)
    reporter.metrics(5, FIGURES)
    reporter.close(failed=False)
    lines = [line.split(" ", 2)[2] for line in (tmp_path / "log.txt").read_text().splitlines()]
    assert lines[0].startswith("the console is closed")
    assert lines[1:] == ["one", "two"]


def test_the_line_of_a_step():
    assert format_metrics({"valid_loss": 1.0}) == ""
    assert format_metrics({"train_loss": None, "skipped_steps": 2}) == "loss n/a  2 skipped"
    assert format_metrics({"train_loss": 1.0, "skipped_steps": 0}) == "loss 1.000"


def test_the_last_step_is_always_printed(tmp_path):
    output = io.StringIO()
    reporter = ConsoleAndLog(tmp_path / "log.txt", 0, 3, Console(file=output, width=120), clock=lambda: 0.0)
    for step in (1, 2, 3):
        reporter.metrics(step, FIGURES)
    reporter.close(failed=False)
    assert [line.split()[1] for line in output.getvalue().splitlines()] == ["1/3", "3/3"]


def test_characters_that_a_console_cannot_print_are_escaped(tmp_path):
    raw = io.BytesIO()
    console = Console(file=io.TextIOWrapper(raw, encoding="ascii", write_through=True), width=120)
    reporter = ConsoleAndLog(tmp_path / "log.txt", 0, 3, console)
    reporter.message("caf\xe9")
    reporter.close(failed=False)
    assert raw.getvalue() == b"caf\\xe9\n"
    assert (tmp_path / "log.txt").read_text("utf-8").endswith(" caf\xe9\n")
