"""`bpe inspect`."""

import os
import subprocess
from contextlib import suppress

import pytest

from ..conftest import END
from .conftest import COMMAND, piped


def test_inspect_describes_the_tokenizer(run):
    code, output, _ = run("inspect", "tokenizer.json", "--longest", "3", "--file", "other.txt")
    summary, longest, size = output.split("\n\n")
    assert code == 0
    assert f"special tokens  {END} (0)" in summary
    assert len(longest.splitlines()) == 4
    assert size.splitlines()[1].endswith("other.txt")


def test_inspect_shows_tokens(run, tokenizer):
    shown = run("inspect", "tokenizer.json", "--text", "a\tb\n", "--ids")[1].split("\n\n", 1)[1]
    assert (
        shown
        == "│".join(f"{t}⟨{i}⟩" for t, i in zip(["a", r"\t", "b", "⏎\n"], tokenizer.encode("a\tb\n"), strict=True))
        + "\n"
    )
    assert "\x1b[38;5;16;48;5;" in run("inspect", "tokenizer.json", "--text", "a", "--color", "always")[1]


def test_inspect_reads_standard_input_and_works_on_any_terminal(folder):
    code, output, errors = piped(
        "inspect", "tokenizer.json", "--text", "-", stdin="é\n".encode(), PYTHONIOENCODING="ascii"
    )
    assert (code, errors) == (0, "")
    assert output.endswith(b"\n\\xe9\\u2502\\u23ce\n\n")


@pytest.mark.parametrize(("variable", "colored"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_a_terminal_gets_colours_unless_it_has_none(folder, variable, colored):
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "NO_COLOR": "", **variable}
    subprocess.run([*COMMAND, "inspect", "tokenizer.json", "--text", "a 9"], stdout=theirs, env=environment, check=True)
    os.close(theirs)
    output = b""
    with suppress(OSError):  # raised at the end of the output
        while some := os.read(ours, 4096):
            output += some
    os.close(ours)
    assert (b"\x1b[" in output) is colored
    assert ("│".encode() in output) is not colored
