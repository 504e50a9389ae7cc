"""The command line of all benchmarks: options, errors in one line, progress on standard error."""

import argparse
import shlex
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NoReturn

from benchmarks.common.workers import WorkerError


class OneLineParser(argparse.ArgumentParser):
    """A parser that raises `ValueError` with a message of one line instead of exiting."""

    def error(self, message: str) -> NoReturn:
        """Raise the error that `run` prints."""
        raise ValueError(f"{message} (--help lists all options)")


def make_parser(benchmark: str, description: str) -> OneLineParser:
    """Return the parser of `python -m benchmarks.NAME`."""
    return OneLineParser(prog=f"python -m benchmarks.{benchmark}", description=description, allow_abbrev=False)


def add_output_options(command: argparse.ArgumentParser) -> None:
    """Add the options that say where results are written."""
    command.add_argument("--json", type=Path, help="write all results, including raw measurements, to this file")
    command.add_argument("--write-docs", action="store_true", help="add the results to docs/benchmarks")


def add_report_command(commands: "argparse._SubParsersAction[OneLineParser]") -> None:
    """Add the command that renders results that were measured earlier."""
    report = commands.add_parser("report", help="add the results of a JSON file to docs/benchmarks, without measuring")
    report.add_argument("results", type=Path, help="a file written with --json")


def positive_integer(text: str) -> int:
    """Convert an argument to an integer above 0, for `argparse`."""
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive integer")
    return int(text)


def shown_command(benchmark: str, arguments: Sequence[str], paths: Iterable[Path | None]) -> str:
    """Return the command as it was typed, with the folders of `paths` removed: they mean nothing on other machines."""
    typed = {str(path) for path in paths if path is not None}
    shown = [Path(argument).name if str(Path(argument)) in typed else argument for argument in arguments]
    return shlex.join(["python", "-m", f"benchmarks.{benchmark}", *shown])


def show_progress(message: str) -> None:
    """Show what is being measured, if standard error is a terminal."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{message}", end="", file=sys.stderr, flush=True)


def run(main: Callable[[Sequence[str]], None]) -> NoReturn:
    """Run a benchmark with the arguments of this process and exit.

    The exit code is 0, or 2 after an error (printed as one line), or 130 after Ctrl-C.
    """
    try:
        main(sys.argv[1:])
    except (ValueError, OSError, WorkerError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        sys.exit(130)
    sys.exit(0)
