"""The command `bpe`: train a tokenizer, encode and decode with it, count and inspect tokens.

Every command exits with code 0, or prints one line to standard error that says what to do: with code 2 for an error
that the user can fix, with 130 after Ctrl-C.
"""

import io
import os
import sys
import warnings
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any, NoReturn, TextIO

from bpe.commands import COMMANDS

MISTAKE = 2
INTERRUPTED = 130  # the convention of shells: 128 plus the number of the signal


class OneLineParser(ArgumentParser):
    """A parser that reports errors in one line."""

    def error(self, message: str) -> NoReturn:
        """Raise an exception instead of printing the usage and exiting."""
        raise ValueError(f"{message} ({self.prog} --help lists all options)")


class CommandParser(OneLineParser):
    """A parser that allows options anywhere between the files, as in `encode tokenizer.json --out t.bin text.txt`.

    Plain argparse ends the list of files at the first option.
    """

    _is_intermixing = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse options first and files second. The method that it calls for this calls it again."""
        if self._is_intermixing:
            return super().parse_known_args(args, namespace)
        self._is_intermixing = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._is_intermixing = False


def build_parser() -> ArgumentParser:
    """Return the parser of the whole command line. The parsed arguments have the function to call as `run`."""
    parser = OneLineParser(
        prog="bpe", description="Byte-level BPE: train a tokenizer, encode and decode with it, inspect its tokens."
    )
    subparsers = parser.add_subparsers(
        title="commands", dest="command", metavar="COMMAND", required=True, parser_class=CommandParser
    )
    for name, module in COMMANDS.items():
        summary = (module.__doc__ or "").splitlines()[0]
        command = subparsers.add_parser(name, help=summary, description=module.__doc__)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line, by default that of the process, and return its exit code.

    If the environment variable TRACEBACK is set, errors are raised.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default", UserWarning)
            warnings.showwarning = _show_warning
            if isinstance(sys.stdout, io.TextIOWrapper):  # characters that the terminal cannot encode are escaped
                sys.stdout.reconfigure(errors="backslashreplace")
            options = build_parser().parse_args(arguments)
            options.run(options)
            sys.stdout.flush()
    except BrokenPipeError:  # the reader of our output, such as `head`, has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (ValueError, OSError, ImportError) as error:
        if os.environ.get("TRACEBACK"):
            raise
        sys.stderr.write(f"error: {_one_line(error)}\n")
        return MISTAKE
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted\n")
        return INTERRUPTED
    return 0


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    del category, filename, lineno, file, line  # users do not need the place in our code
    sys.stderr.write(f"warning: {' '.join(str(message).split())}\n")


def _one_line(error: Exception) -> str:
    if isinstance(error, FileNotFoundError) and error.filename is not None:
        return f"{error.filename} does not exist: check its name"
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())
