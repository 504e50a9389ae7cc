"""How every command ends: with exit code 0, or with one line that says what to do and exit code 2."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from typing import NoReturn

from trainer import INTERRUPTED_EXIT_CODE, TrainingInterrupted

INTERRUPTED = 130
"""The exit code of a command that Ctrl-C ended at once, as shells have it; of one that has saved its work it is 75."""


class OneLineParser(ArgumentParser):
    """A parser whose mistakes are one line too."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage and leaving."""
        raise ValueError(f"{message} (--help lists all options)")


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
        print(f"interrupted: {interruption}", file=sys.stderr)
        sys.exit(INTERRUPTED_EXIT_CODE)
    except KeyboardInterrupt as interruption:
        print(f"\ninterrupted{interruption}", file=sys.stderr)
        sys.exit(INTERRUPTED)
    sys.exit(0)


def _one_line(error: ValueError | OSError) -> str:
    if isinstance(error, FileNotFoundError) and error.filename is not None:
        return f"{error.filename} does not exist: check its name"
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())
