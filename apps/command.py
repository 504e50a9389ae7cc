"""How commands read their arguments, print, and end: with exit code 0, or with a one-line error and exit code 2."""

import io
import os
import sys
from argparse import ArgumentError, ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from contextlib import suppress
from difflib import get_close_matches
from typing import NoReturn

from trainer import INTERRUPTED_EXIT_CODE, TrainingInterrupted

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells use it; a run that was interrupted and has saved its work exits with 75."""


def run_command(main: Callable[[list[str]], object]) -> NoReturn:
    """Call `main` with the command line and exit with the right code.

    A `ValueError` or `OSError` is a mistake that the user can correct: its message is printed in one line, without a
    traceback unless the environment variable TRACEBACK is set.
    """
    replace_unprintable_characters()
    try:
        main(sys.argv[1:])
    except BrokenPipeError:  # the reader of our output, such as `head`, has read enough
        discard_output()
        sys.exit(0)
    except (ValueError, OSError) as error:
        if os.environ.get("TRACEBACK"):
            raise
        print(f"error: {_one_line(error)}", file=sys.stderr)
        sys.exit(2)
    except TrainingInterrupted as interruption:
        if is_main_process():
            print(f"interrupted: {interruption}", file=sys.stderr)
        sys.exit(INTERRUPTED_EXIT_CODE)
    except KeyboardInterrupt as interruption:
        print(f"\ninterrupted{interruption}", file=sys.stderr)
        exit_at_once(INTERRUPTED)
    sys.exit(0)


def replace_unprintable_characters() -> None:
    """Print `?` for characters that the terminal's encoding does not have, instead of failing in the middle of a text.

    PYTHONIOENCODING=utf-8 selects an encoding that has all of them.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def say(text: str) -> None:
    """Print a line that the work does not depend on: the command continues if the pipe is closed or the disk full.

    Of several processes started by torchrun only the first prints.
    """
    if not is_main_process():
        return
    try:
        print(text, flush=True)
    except OSError:
        discard_output()


def is_main_process() -> bool:
    """Return whether this is the first of the processes that torchrun has started, or the only process."""
    return os.environ.get("RANK", "0") == "0"


def discard_output() -> None:
    """Let everything that is printed from now on disappear."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def exit_at_once(code: int) -> NoReturn:
    """End the process without waiting for threads, or for data that libraries would still send."""
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


class CommandLineParser(ArgumentParser):
    """An argument parser whose errors are one sentence that names what was given and what is allowed."""

    def __init__(self, description: str, usage: str, examples: Sequence[str]) -> None:
        """Create a parser without arguments.

        Args:
            description: what the command does.
            usage: the arguments in short, such as `RUN [OPTIONS]`.
            examples: command lines without the program's name; `--help` prints them first.
        """
        program = f"uv run {os.path.relpath(sys.argv[0])}"
        lines = [description, "", "examples:", *(f"  {program} {example}" for example in examples)]
        super().__init__(
            usage=f"{program} {usage}",
            description="\n".join(lines),
            formatter_class=RawDescriptionHelpFormatter,
            exit_on_error=False,
        )

    def parse_all(self, arguments: list[str]) -> Namespace:
        """Return the values of the arguments.

        Raises:
            ValueError: an argument is missing, unknown, or has a value that is not allowed.
        """
        try:
            values, unknown = self.parse_known_args(arguments)
        except ArgumentError as error:
            if error.argument_name is None:  # newer versions of Python report a missing argument in this way
                self.error(error.message)
            raise ValueError(f"{error.argument_name} {error.message}") from None
        if unknown:
            given = unknown[0].split("=")[0]
            options = [option for action in self._actions for option in action.option_strings]
            similar = get_close_matches(given, options, n=1)
            hint = f"did you mean {similar[0]}?" if similar else "--help lists all options"
            raise ValueError(f"unknown argument {given}: {hint}")
        return values

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage and exiting."""
        raise ValueError(f"{message} (--help lists all options)")


def whole_number(text: str) -> int:
    """Return the whole number that a text stands for: a `type` for `add_argument`."""
    try:
        return int(text)
    except ValueError:
        raise ArgumentTypeError(f"is {text!r}: give a whole number") from None


def number(text: str) -> float:
    """Return the number that a text stands for: a `type` for `add_argument`."""
    try:
        return float(text)
    except ValueError:
        raise ArgumentTypeError(f"is {text!r}: give a number") from None


def one_of(*choices: str) -> Callable[[str], str]:
    """Return a `type` for `add_argument` that allows these texts."""

    def choose(text: str) -> str:
        if text not in choices:
            raise ArgumentTypeError(f"is {text!r}: choose one of {', '.join(choices)}")
        return text

    return choose
