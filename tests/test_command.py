"""How every command ends: exit codes, one-line errors, and terminals without Unicode."""

import io
import sys
from argparse import ArgumentError

import pytest

import command
from command import CommandLineParser, number, one_of, run_command, say, whole_number

from .conftest import train


def take_ascii_only(monkeypatch, name):
    """Let a stream be that of a terminal without Unicode; returns a function that returns what was written."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, name, stream)

    def written():
        stream.flush()
        return stream.buffer.getvalue().decode("ascii")

    return written


def test_characters_that_the_terminal_lacks_are_replaced(monkeypatch):
    output = take_ascii_only(monkeypatch, "stdout")
    with pytest.raises(SystemExit) as exited:
        run_command(lambda arguments: sys.stdout.write("a → b, 4 × 32, 狐, \udcff"))
    assert exited.value.code == 0
    assert output() == "a ? b, 4 ? 32, ?, ?"


def test_lines_of_the_work_are_replaced_too(monkeypatch):
    output = take_ascii_only(monkeypatch, "stdout")
    with pytest.raises(SystemExit):
        run_command(lambda arguments: say("the longest ' 狐'"))
    assert output() == "the longest ' ?'\n"


def test_an_error_message_is_printed_on_a_terminal_without_unicode(monkeypatch):
    errors = take_ascii_only(monkeypatch, "stderr")

    def main(arguments):
        raise ValueError("größer")

    with pytest.raises(SystemExit) as exited:
        run_command(main)
    assert exited.value.code == 2
    assert errors() == "error: gr??er\n"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("two\n lines"), "two lines"),
        (FileNotFoundError(2, "No such file or directory", "a.txt"), "a.txt does not exist: check its name"),
        (PermissionError(13, "Permission denied", "a.txt"), "a.txt: Permission denied"),
    ],
)
def test_errors_are_one_line(call, error, message):
    def main(arguments):
        raise error

    assert call(main).one_line_error() == message


def test_the_traceback_can_be_requested(monkeypatch):
    monkeypatch.setenv("TRACEBACK", "1")
    monkeypatch.setattr("sys.argv", ["app", "--offline"])
    with pytest.raises(ValueError, match=r"^no data: TinyStories is neither in data"):
        run_command(train)


def test_only_the_first_process_prints(capsys, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    say("a line")
    assert capsys.readouterr().out == ""
    monkeypatch.setenv("RANK", "0")
    say("a line")
    assert capsys.readouterr().out == "a line\n"


def test_a_full_device_does_not_end_the_work(monkeypatch):
    discarded = []
    monkeypatch.setattr(command, "discard_output", lambda: discarded.append(1))
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(FullDevice(), write_through=True))
    say("a line")
    assert discarded


class FullDevice(io.RawIOBase):
    def writable(self):
        return True

    def write(self, content):
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x", "--temperature=warm"], "--temperature is 'warm': give a number"),
        (["x", "--steps", "1.5"], "--steps is '1.5': give a whole number"),
        (["x", "--by", "c"], "--by is 'c': choose one of a, b"),
        (["x", "--temprature=3"], "unknown argument --temprature: did you mean --temperature?"),
        (["x", "y"], "unknown argument y: --help lists all options"),
        (["x", "--steps"], "--steps expected one argument"),
        ([], "the following arguments are required: RUN"),
    ],
)
def test_the_parser_names_what_was_given_and_what_is_allowed(arguments, message):
    parser = CommandLineParser("Test.", usage="RUN [OPTIONS]", examples=())
    parser.add_argument("run", metavar="RUN")
    parser.add_argument("--temperature", type=number)
    parser.add_argument("--steps", type=whole_number)
    parser.add_argument("--by", type=one_of("a", "b"))
    with pytest.raises(ValueError) as caught:
        parser.parse_all(arguments)
    assert str(caught.value).startswith(message)


def test_a_missing_argument_that_python_reports_without_a_name(monkeypatch):
    """From Python 3.13 on, argparse raises ArgumentError for it instead of calling `error`."""

    def parse_known_args(self, arguments):
        raise ArgumentError(None, "the following arguments are required: RUN")

    monkeypatch.setattr(CommandLineParser, "parse_known_args", parse_known_args)
    with pytest.raises(ValueError, match=r"^the following arguments are required: RUN \(--help lists all options\)$"):
        CommandLineParser("A command.", "RUN", ()).parse_all([])
