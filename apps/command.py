"""How every command ends: with exit code 0, or with one line that says what to do and exit code 2."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from trainer import INTERRUPTED_EXIT_CODE, TrainingInterrupted

INTERRUPTED = 130
"""The exit code of a command that Ctrl-C ended at once, as shells have it; of one that has saved its work it is 75."""


class OneLineParser(ArgumentParser):
    """A parser whose mistakes are one line too."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage and leaving."""
        raise ValueError(f"{message} (--help lists all options)")


def say(text: str) -> None:
    """Print a line that the work does not depend on: a closed pipe or a full device ends nothing.

    Of several processes that torchrun has started, the first speaks for all.
    """
    if os.environ.get("RANK", "0") != "0":
        return
    try:
        print(text, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what comes now goes nowhere


def run_command(main: Callable[[list[str]], None]) -> NoReturn:
    """Call `main` with the command line and leave with the right exit code.

    A `ValueError` or `OSError` is a mistake that the user can mend: its message is printed, and no traceback
    unless the environment variable TRACEBACK is set.
    """
    try:
        main(sys.argv[1:])
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except (ValueError, OSError) as error:
        if os.environ.get("TRACEBACK"):
            raise
        print(f"error: {_one_line(error)}", file=sys.stderr)
        sys.exit(2)
    except TrainingInterrupted as interruption:
        if os.environ.get("RANK", "0") == "0":
            print(f"interrupted: {interruption}", file=sys.stderr)
        sys.exit(INTERRUPTED_EXIT_CODE)
    except KeyboardInterrupt as interruption:
        print(f"\ninterrupted{interruption}", file=sys.stderr)
        leave_at_once(INTERRUPTED)
    sys.exit(0)


def leave_at_once(code: int) -> NoReturn:
    """End the process without waiting for threads, nor for what libraries would still send."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(code)


def _one_line(error: ValueError | OSError) -> str:
    if isinstance(error, FileNotFoundError) and error.filename is not None:
        return f"{error.filename} does not exist: check its name"
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())
