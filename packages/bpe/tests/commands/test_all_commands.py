"""What all commands have in common: errors, interrupts, help, and how little they load."""

import io
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from bpe import progress, write_token_file
from bpe.cli import build_parser, main
from bpe.commands import COMMANDS

from .conftest import COMMAND, TEXT, piped


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "the following arguments are required: COMMAND (bpe --help lists all options)"),
        ("shred", "argument COMMAND: invalid choice: 'shred'"),
        ("encode", "the following arguments are required: TOKENIZER (bpe encode --help lists all options)"),
        ("encode tokenizer.json --fast", "unrecognized arguments: --fast"),
        ("encode nowhere.json text.txt", "nowhere.json does not exist: check its name"),
        ("encode tokenizer.json nowhere.txt", "nowhere.txt does not exist: check its name"),
        ("encode tokenizer.json nowhere.txt --out t.bin", "nowhere.txt does not exist: check its name"),
        ("encode tokenizer.json pair", "pair: Is a directory"),
        ("encode tokenizer.json empty.txt", "empty.txt is empty"),
        ("encode tokenizer.json latin.txt", "latin.txt is not UTF-8: byte 0xe9 at offset 3"),
        ("encode tokenizer.json latin.txt --out t.bin", "latin.txt is not UTF-8: byte 0xe9 at offset 3"),
        ("encode tokenizer.json text.txt latin.txt --out t.bin", "latin.txt is not UTF-8: byte 0xe9 at offset 3"),
        ("encode text.txt text.txt", "text.txt is not valid JSON"),
        ("encode tokenizer.json text.txt --out text.txt", "text.txt would overwrite the input text.txt"),
        ("encode tokenizer.json text.txt --out tokenizer.json", "would overwrite the input tokenizer.json"),
        (
            "encode tokenizer.json text.txt --out none/t.bin",
            "the folder none for t.bin does not exist: create it first",
        ),
        ("encode tokenizer.json text.txt --out t.bin --threads 0", "num_threads is 0: give a positive integer"),
        ("encode tokenizer.json text.txt --threads two", "argument --threads: invalid int value: 'two'"),
        (
            "encode tokenizer.json text.txt --pattern gpt2",
            "contains its special tokens and pattern: remove --special-token",
        ),
        ("encode pair text.txt --pattern (", "split pattern '(' is neither one of gpt2"),
        (
            "encode none.tiktoken text.txt",
            "none.tiktoken does not contain its split pattern: give --pattern, one of gpt2",
        ),
        (
            "encode none.tiktoken text.txt --pattern gpt2 --special-token <a>",
            "'<a>' has no id: give TOKEN=ID",
        ),
        ("encode none.tiktoken text.txt --pattern gpt2 --special-token =5", "'=5' has no id: give TOKEN=ID"),
        ("encode bare text.txt", "bare contains neither tokenizer.json, tekken.json, tokenizer.model"),
        ("decode tokenizer.json text.txt", "text.txt.json does not exist: a token file has its description beside it"),
        ("decode tokenizer.json far.bin", "id 5000 is not in the vocabulary, whose largest id is 1199"),
        ("count tokenizer.json text.txt empty.txt", "empty.txt is empty"),
        ("inspect tokenizer.json --longest 0", "--longest is 0: give a positive number"),
        ("inspect tokenizer.json --ids", "--ids shows the ids of a text: give --text too"),
        ("inspect tokenizer.json --text \udcff", "the text has the surrogate '\\udcff' at character 0"),
    ],
)
def test_an_error_is_one_line(run, folder, arguments, message):
    (folder / "bare").mkdir()
    write_token_file("far.bin", [5000], 10_000)
    before = sorted(folder.rglob("*"))
    code, output, errors = run(*arguments.split(" ") if arguments else [])
    assert (code, output) == (2, "") or arguments.startswith("inspect")
    assert code == 2
    assert message in errors
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1
    assert sorted(folder.rglob("*")) == before


def test_a_traceback_on_request(run, monkeypatch):
    monkeypatch.setenv("TRACEBACK", "1")
    with pytest.raises(FileNotFoundError):
        run("encode", "nowhere.json", "text.txt")


def test_standard_input_is_named_in_errors(folder):
    code, _, errors = piped("count", "tokenizer.json", stdin=b"ab\xff")
    assert (code, errors.split(";")[0]) == (
        2,
        "error: standard input is not UTF-8: byte 0xff at offset 2 (invalid start byte)",
    )
    assert piped("decode", "tokenizer.json", stdin=b"12 ab")[0] == 2


def test_the_progress_is_erased_before_an_error(folder, monkeypatch, capfd):
    """So that the message is alone on the terminal."""

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    (folder / "cut.txt").write_bytes(b"to be or not to be\n" * 100_000 + b"\xff")
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN", 0.0)
    for arguments, is_shown in [
        (["count", "tokenizer.json", "cut.txt"], True),
        (["encode", "tokenizer.json", "cut.txt"], False),  # the ids may go to the same terminal
        (["encode", "tokenizer.json", "cut.txt", "--out", "t.bin"], True),
        (["encode", "tokenizer.json", "other.txt", "cut.txt", "--out", "t.bin"], True),
    ]:
        monkeypatch.setattr(sys, "stderr", Terminal())
        assert main(arguments) == 2
        *shown, message = sys.stderr.getvalue().split("\r")
        assert message.startswith("error: cut.txt is not UTF-8")
        assert bool(shown) is is_shown
        assert not shown or set(shown[-1]) == {" "}


@pytest.mark.parametrize("command", ["encode", "decode"])
def test_a_closed_pipe_is_not_an_error(folder, tokenizer, command):
    text = TEXT * 500
    (folder / "long.txt").write_bytes(text.encode())
    write_token_file("long.bin", tokenizer.encode(text), tokenizer.vocab_size)
    name = {"encode": "long.txt", "decode": "long.bin"}[command]
    process = subprocess.Popen(
        [*COMMAND, command, "tokenizer.json", name], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with process:
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["encode", "tokenizer.json", "text.txt"],
        ["encode", "tokenizer.json", "text.txt", "--out", "t.bin"],
        ["decode", "tokenizer.json", "text.bin"],
        ["count", "tokenizer.json", "text.txt", "other.txt"],
        ["inspect", "tokenizer.json", "--text", "a", "--longest", "3", "--file", "text.txt"],
    ],
)
def test_short_work_loads_neither_numpy_nor_numba(folder, tokenizer, arguments, own_cache, monkeypatch):
    """With a tokenizer that no earlier process has kept tables of."""
    monkeypatch.setenv("BPE_CACHE_DIR", str(own_cache))
    write_token_file("text.bin", tokenizer.encode(TEXT), tokenizer.vocab_size)
    program = (
        "import sys; from bpe.cli import main; code = main(sys.argv[1:]); "
        "sys.exit(code or sorted({'numpy', 'numba'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


@pytest.mark.parametrize("arguments", [["--help"], *([name, "--help"] for name in ["train", "encode", "inspect"])])
def test_help(folder, arguments):
    code, output, errors = piped(*arguments)
    assert (code, errors) == (0, "")
    assert output.startswith(b"usage: bpe")


def test_the_commands_of_the_readme_are_valid():
    page = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    commands = [
        shlex.split(command, comments=True)
        for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
        for line in block.splitlines()
        for command in line.split(" | ")
        if command.startswith("bpe ")
    ]
    assert {command[1] for command in commands} == set(COMMANDS)
    for command in commands:
        assert build_parser().parse_args(command[1:]).command == command[1]
