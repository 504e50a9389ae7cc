"""The applications as modules, run as users run them: a command line in, an exit code and two streams out."""

import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
APPS = ROOT / "apps"
sys.path.insert(0, str(APPS))  # as for a script in apps/, which imports its neighbors

TINY_MODEL = [
    "--model.vocab_size=300",
    "--model.context_length=32",
    "--model.d_model=16",
    "--model.num_layers=1",
    "--model.num_heads=2",
    "--run.device=cpu",
]
TINY_TRAINING = [
    "--training.steps=4",
    "--training.batch_size=4",
    "--training.log_interval=1",
    "--training.eval_interval=2",
    "--training.eval_batches=1",
    "--training.checkpoint_interval=2",
    "--sample.prompt=null",
]


@dataclass
class Outcome:
    code: int
    output: str
    errors: str

    def one_line_error(self) -> str:
        """Return the message on standard error: one line, with exit code 2 and no traceback."""
        assert self.code == 2, self
        lines = self.errors.strip().splitlines()
        assert len(lines) == 1, self.errors
        assert lines[0].startswith("error: ")
        return lines[0].removeprefix("error: ")


@pytest.fixture
def call(monkeypatch, capfd):
    """Run an application's main function with a command line, in this process."""
    import command

    monkeypatch.setattr(command, "exit_at_once", sys.exit)  # otherwise Ctrl-C would end this process

    def run(main, *arguments):
        monkeypatch.setattr(sys, "argv", ["app", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as exited:
            command.run_command(main)
        streams = capfd.readouterr()
        return Outcome(exited.value.code, streams.out, streams.err)

    return run


@pytest.fixture(scope="session")
def texts(tmp_path_factory):
    from stories import write_corpus

    folder = tmp_path_factory.mktemp("texts")
    write_corpus(folder / "train.txt", folder / "valid.txt", 60_000, seed=5, valid_fraction=0.1)
    return folder


def train(arguments):
    """The main function of a training application."""
    from text_run import main

    main(arguments, "tinystories.yaml", "Train.")


def text_options(texts):
    return [f"--data.train_text={texts / 'train.txt'}", f"--data.valid_text={texts / 'valid.txt'}"]


def token_options(folder):
    return [f"--data.{name}_tokens={folder / name}.bin" for name in ("train", "valid")]


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory, texts):
    """A tiny run on stories, for all tests to read."""
    path = tmp_path_factory.mktemp("runs") / "tiny"
    train([*TINY_MODEL, *TINY_TRAINING, *text_options(texts), f"--run.directory={path}"])
    return path


@pytest.fixture
def run_copy(tmp_path, trained_run):
    """A copy of it, for one test to change."""
    return shutil.copytree(trained_run, tmp_path / "run")


def without_ansi(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def truncate(*paths):
    """Cut off the last bytes of files."""
    for path in paths:
        path.write_bytes(path.read_bytes()[:-50])
