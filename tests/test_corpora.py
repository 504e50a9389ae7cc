"""A prepared corpus as the data of a run: found, prepared, or replaced by the files that are given."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from text_config import read_run_config
from trainer import RunDirectory

from .conftest import APPS, TINY_MODEL, TINY_TRAINING, text_options, token_options, train

TINY = [*TINY_MODEL, *TINY_TRAINING]


@dataclass(frozen=True)
class Prepared:
    train_tokens: Path
    valid_tokens: Path
    tokenizer: Path


class FakePreparation(ModuleType):
    """The package `preparation`, for a corpus that is a copy of the files of a run."""

    def __init__(self, source, folder):
        super().__init__("preparation")
        self.source, self.folder, self.calls = source, folder, []

    def find_prepared(self, name, vocab_size):
        folder = self.folder / f"{name}_{vocab_size}"
        files = Prepared(folder / "tokens" / "train.bin", folder / "tokens" / "valid.bin", folder / "tokenizer.json")
        return files if folder.exists() else None

    def require_corpus(self, name, vocab_size, *, offline):
        if offline and self.find_prepared(name, vocab_size) is None:
            raise ValueError(f"the corpus {name} is missing: fetch it")

    def prepare_corpus(self, name, vocab_size, *, offline, say):
        self.calls.append((name, vocab_size, offline))
        folder = self.folder / f"{name}_{vocab_size}"
        shutil.copytree(self.source / "tokens", folder / "tokens")
        shutil.copyfile(self.source / "tokenizer.json", folder / "tokenizer.json")
        say(f"{name} is prepared")
        return self.find_prepared(name, vocab_size)


@pytest.fixture
def preparation(monkeypatch, trained_run, tmp_path):
    fake = FakePreparation(trained_run, tmp_path / "data")
    monkeypatch.setitem(sys.modules, "preparation", fake)
    return fake


def test_a_missing_corpus_is_prepared_once_and_its_tokenizer_is_the_runs(call, tmp_path, preparation):
    first, second = tmp_path / "first", tmp_path / "second"
    samples = ["--sample.prompt=Once", "--sample.max_new_tokens=3"]
    outcome = call(train, *TINY, *samples, f"--run.directory={first}")
    assert outcome.code == 0, outcome
    assert "tinystories is prepared" in outcome.output
    assert call(train, *TINY, f"--run.directory={second}", "--offline").code == 0
    assert preparation.calls == [("tinystories", 300, False)]
    data = read_run_config(RunDirectory(first)).data
    folder = preparation.folder / "tinystories_300"
    assert (data.corpus, data.train_tokens) == ("tinystories", str(folder / "tokens" / "train.bin"))
    assert (first / "tokenizer.json").read_bytes() == (folder / "tokenizer.json").read_bytes()
    assert list((first / "tokens").iterdir()) == []
    assert "a sample: Once" in (first / "log.txt").read_text()

    moved = preparation.folder.rename(tmp_path / "moved") / "tinystories_300" / "tokens"
    again = call(train, "--resume", first, "--training.steps=6", *token_options(moved))
    assert again.code == 0, again


def test_a_missing_corpus_is_refused_before_anything_is_written(call, tmp_path, preparation):
    error = call(train, *TINY, f"--run.directory={tmp_path / 'runs' / 'run'}", "--offline").one_line_error()
    assert error == "the corpus tinystories is missing: fetch it"
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "run").mkdir()
    outcome = call(train, *TINY, f"--run.directory={tmp_path / 'run'}")
    assert "already exists" in outcome.one_line_error()
    assert preparation.calls == []


def test_what_does_not_fit_this_machine_is_refused_before_a_corpus_is_prepared(call, tmp_path, preparation):
    error = call(
        train, *TINY, "--training.batch_size=100000000", f"--run.directory={tmp_path / 'run'}"
    ).one_line_error()
    assert error.startswith("a training step with 100000000 sequences at once needs about ")
    assert preparation.calls == []
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_given_replace_the_corpus(call, tmp_path, preparation, texts, trained_run):
    for name, given in (("texts", text_options(texts)), ("tokens", token_options(trained_run / "tokens"))):
        assert call(train, *TINY, *given, f"--run.directory={tmp_path / name}").code == 0
        assert read_run_config(RunDirectory(tmp_path / name)).data.corpus is None
    assert preparation.calls == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--data.train_text=TRAIN"], "no data to evaluate on: give --data.train_text FILE and --data.valid_text FILE"),
        (["--data.corpus=null"], "no data to train on: give --data.train_text FILE"),
        (["--data.corpus=wiki"], "data.corpus is 'wiki': give tinystories, owt, fineweb or null"),
        (["--data.corpus=owt", "--data.train_text=TRAIN"], "data.corpus owt and files of data are both given"),
        (["--data.tokenizer=TRAIN"], "data.corpus tinystories is prepared with its own tokenizer, but data.tokenizer"),
    ],
)
def test_what_does_not_go_together_is_refused(call, tmp_path, preparation, texts, options, message):
    filled = [option.replace("TRAIN", str(texts / "train.txt")) for option in options]
    assert message in call(train, *TINY, f"--run.directory={tmp_path / 'run'}", *filled).one_line_error()
    assert preparation.calls == []


def test_a_dry_run_prepares_nothing(call, tmp_path, preparation):
    options = [*TINY, "--dry-run", f"--run.directory={tmp_path / 'run'}"]
    assert "data: tinystories with 300 entries, which the run prepares first" in call(train, *options).output
    assert preparation.calls == []
    preparation.prepare_corpus("tinystories", 300, offline=False, say=print)
    output = call(train, *options).output
    assert f"data: {preparation.folder / 'tinystories_300' / 'tokens' / 'train.bin'}, " in output
    assert not (tmp_path / "run").exists()


PROGRAM = """
import os, sys, time
from pathlib import Path
from types import ModuleType, SimpleNamespace

def prepare_corpus(*_, **__):
    assert os.environ["RANK"] == "0"
    time.sleep(0.5)
    tokens = Path(RUN) / "tokens"
    files = {"train_tokens": tokens / "train.bin", "valid_tokens": tokens / "valid.bin"}
    return SimpleNamespace(**files, tokenizer=Path(RUN) / "tokenizer.json")

sys.path.insert(0, APPS)
fake = sys.modules["preparation"] = ModuleType("preparation")
fake.find_prepared = fake.require_corpus = lambda *_, **__: None
fake.prepare_corpus = prepare_corpus

from text_run import main
main(sys.argv[1:], "tinystories.yaml", "Train.")
"""


def test_only_the_first_of_several_processes_prepares(tmp_path, trained_run):
    """The second finds the files in the configuration that the first has stored."""
    script = tmp_path / "program.py"
    script.write_text(PROGRAM.replace("RUN)", f"{str(trained_run)!r})").replace("APPS", repr(str(APPS))))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", script, *TINY]
    command += ["--training.parallel=ddp", f"--run.directory={tmp_path / 'run'}"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "report.html").is_file()
    assert done.stdout.count("report: ") == 1
