"""Running the examples of a page."""

import contextlib
import io
import linecache
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tour_pages.blocks import Example

_EARLIER = "if an earlier chapter writes it, run that one first"


@dataclass
class Session:
    """The Python names that the examples of a page share, as if they were typed one after the other."""

    page: str
    """Name of the page, for tracebacks."""
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "__tour__"})
    count: int = 0
    """How many Python examples have been run."""
    run_command: Callable[[str], str] = field(default_factory=lambda: run_command_line)
    """From a command to what it prints; by default each is a process of its own."""

    def run(self, example: Example) -> str:
        """Run an example in the current folder, and return what it prints.

        Raises:
            ValueError: a command fails, or is not one that can be run here; or a file is missing that an earlier page
                makes.
            Exception: a Python example raises it.
        """
        try:
            return self._run(example)
        except FileNotFoundError as error:
            raise ValueError(f"{error.filename} does not exist: {_EARLIER}") from None
        except ValueError as error:
            if "does not exist" not in str(error):
                raise
            raise ValueError(f"{error} ({_EARLIER})") from None

    def _run(self, example: Example) -> str:
        if example.block.language == "sh":
            return "".join(self.run_command(line) for line in command_lines(example.block.text))
        if example.block.language == "python":
            return self._run_python(example.block.text)
        raise ValueError(f"{self.page} has a block of {example.block.language}: write python, sh or text")

    def _run_python(self, text: str) -> str:
        self.count += 1
        name = f"<{self.page}, example {self.count}>"
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)  # tracebacks show its lines
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(text, name, "exec"), self.names)  # noqa: S102 the page is part of this repository
        return printed.getvalue()


def command_lines(text: str) -> list[str]:
    """Return the commands of a block; one that is continued on the next line is joined."""
    return [line.strip() for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def run_command_line(line: str) -> str:
    """Run `uv run …` with the Python of this process, and return what it prints, errors too.

    Raises:
        ValueError: it is another command, or its exit code is not 0.
    """
    words = shlex.split(line)
    if words[:2] != ["uv", "run"]:
        raise ValueError(f"{line!r} does not begin with uv run: put <!-- not run: REASON --> before the block")
    program = words[2]
    is_file = program.endswith(".py")  # else it is a command of a package, which is installed beside Python
    start = [sys.executable, program] if is_file else [str(Path(sys.executable).with_name(program))]
    ran = subprocess.run(  # noqa: S603 the page is part of this repository
        [*start, *words[3:]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8", check=False
    )
    if ran.returncode:
        raise ValueError(f"{line} has the exit code {ran.returncode}: {ran.stdout.strip()}")
    return ran.stdout
