"""A folder with a tokenizer and texts, and functions that run the command `bpe` in it."""

import os
import subprocess
import sys

import pytest

from bpe.cli import main

from ..conftest import END, SCRIPTS

TEXT = SCRIPTS + END + "\r\n" + SCRIPTS[::-1]
COMMAND = [sys.executable, "-m", "bpe"]


@pytest.fixture
def folder(tmp_path, monkeypatch, tokenizer):
    """The working directory of the test, with a tokenizer and some texts."""
    tokenizer.save(tmp_path / "tokenizer.json")
    (tmp_path / "pair").mkdir()
    tokenizer.save_gpt2(tmp_path / "pair" / "vocab.json", tmp_path / "pair" / "merges.txt")
    (tmp_path / "text.txt").write_bytes(TEXT.encode())
    (tmp_path / "other.txt").write_bytes(b"once upon a time")
    (tmp_path / "empty.txt").touch()
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder, capfdbinary):
    """Run a command line in this process; return its exit code, output and errors."""

    def run(*arguments):
        capfdbinary.readouterr()
        code = main(list(map(str, arguments)))
        output, errors = capfdbinary.readouterr()
        return code, output.decode(), errors.decode()

    return run


def piped(*arguments, stdin=b"", **environment):
    """Run a command line in a process of its own."""
    done = subprocess.run([*COMMAND, *arguments], input=stdin, capture_output=True, env={**os.environ, **environment})
    return done.returncode, done.stdout, done.stderr.decode()


def lines(ids):
    return "".join(f"{token_id}\n" for token_id in ids)
