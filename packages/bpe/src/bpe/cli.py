"""The command `bpe`: train a tokenizer, encode and decode with it, count and look at tokens.

Every command ends with exit code 0, or with one line on standard error that says what to do: 2 after a mistake that
the user can mend, 130 after Ctrl-C.
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
INTERRUPTED = 130  # as shells have it: 128 and the number of the signal


class OneLineParser(ArgumentParser):
    """A parser whose mistakes are one line too."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage and leaving."""
        raise ValueError(f"{message} ({self.prog} --help lists all options)")


class CommandParser(OneLineParser):
    """A parser that lets options stand anywhere between the files, as in `encode tokenizer.json --out t.bin text.txt`.

    Plain argparse would give such a list of files an end at the first option.
    """

    _is_intermixing = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse options first and files then; the parser above calls this, and so does what is called here."""
        if self._is_intermixing:
            return super().parse_known_args(args, namespace)
        self._is_intermixing = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._is_intermixing = False


def build_parser() -> ArgumentParser:
    """Return the parser of the whole command line; the parsed arguments hold the function to call as `run`."""
    parser = OneLineParser(
        prog="bpe", description="Byte-level BPE: train a tokenizer, encode and decode with it, look at its tokens."
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
    """Run a command line, the process's own by default, and return its exit code.

    With the environment variable TRACEBACK set, mistakes raise.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default", UserWarning)
            warnings.showwarning = _show_warning
            if isinstance(sys.stdout, io.TextIOWrapper):  # what the terminal's encoding lacks must not end us
                sys.stdout.reconfigure(errors="backslashreplace")
            options = build_parser().parse_args(arguments)
            options.run(options)
            sys.stdout.flush()
    except BrokenPipeError:  # whoever read our output has seen enough
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
    del category, filename, lineno, file, line  # where in our code it arose is nothing to the user
    sys.stderr.write(f"warning: {' '.join(str(message).split())}\n")


def _one_line(error: Exception) -> str:
    if isinstance(error, FileNotFoundError) and error.filename is not None:
        return f"{error.filename} does not exist: check its name"
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())
