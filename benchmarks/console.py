"""The command line that all benchmarks share: options, mistakes in one line, progress on standard error."""

import argparse
import shlex
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NoReturn

from runs import WorkerError


class OneLineParser(argparse.ArgumentParser):
    """A parser whose mistakes are one line."""

    def error(self, message: str) -> NoReturn:
        """Raise what `run` prints."""
        raise ValueError(f"{message} (--help lists all options)")


def positive(text: str) -> int:
    """Return a whole number above 0, as argparse wants it read."""
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no positive whole number")
    return int(text)


def command_line(script: str, arguments: Sequence[str], paths: Iterable[Path | None]) -> str:
    """Return the command as it was typed, with files by their names alone: their folders mean nothing elsewhere."""
    hidden = {str(path) for path in paths if path is not None}
    shown = [Path(argument).name if str(Path(argument)) in hidden else argument for argument in arguments]
    return shlex.join([f"benchmarks/{script}", *shown])


def say(message: str) -> None:
    """Show what is being done, where somebody looks."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{message}", end="", file=sys.stderr, flush=True)


def run(main: Callable[[Sequence[str]], None]) -> NoReturn:
    """Run a benchmark with the command line and leave: code 2 and one line for mistakes, 130 where interrupted."""
    try:
        main(sys.argv[1:])
    except (ValueError, OSError, WorkerError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        sys.exit(130)
    sys.exit(0)
