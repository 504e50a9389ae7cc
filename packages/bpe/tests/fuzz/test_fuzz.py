"""The fuzzer finds differences that are planted, shortens them, and repeats them; and it finds none otherwise."""

import os
import sys
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

pytest.importorskip("numba", reason="needs numba")
from bpe import Tokenizer
from bpe.pre_tokenizers import Split, SplitSteps, StandIns

from . import __main__ as command
from .differences import DifferenceError
from .run import INPUTS_PER_TOKENIZER, fuzz_tokenizer, shortest
from .split_rules import takes_long
from .subjects import fuzz_subject
from .texts import fuzz_cuts, fuzz_text, is_known
from .watching import watch

WORDS = {byte: bytes([byte]) for byte in range(256)} | {256: b"th", 257: b"the", 258: b"is", 259: b"he"}
MERGES = [(b"t", b"h"), (b"th", b"e"), (b"i", b"s"), (b"h", b"e")]
ROOT = Path(__file__).parents[4]


@pytest.fixture(autouse=True)
def other_processes_find_this_module(monkeypatch):
    """A new process imports `packages.bpe.tests.fuzz` by its name, for which pytest alone does not need the path."""
    monkeypatch.syspath_prepend(ROOT)


def with_a_wrong_merge(random, folder):
    """A tokenizer whose compiled engine has the merges in the wrong order."""
    reference = Tokenizer(WORDS, MERGES, engine="reference")
    compiled = Tokenizer(WORDS, MERGES[::-1], engine="compiled")
    return replace(fuzz_subject(Random(0), folder), reference=reference, compiled=compiled, library=None)


def that_crashes(random, folder):
    os.abort()


def that_hangs(random, folder):
    while True:
        pass


def one_tokenizer(seed, make=fuzz_subject, last=INPUTS_PER_TOKENIZER - 1):
    return fuzz_tokenizer(seed, 0, last, make=make)


def test_a_planted_difference_is_found_shortened_and_repeated():
    found = one_tokenizer(7, with_a_wrong_merge)
    assert found.check == "compiled engine"
    assert found.text == "the"
    assert (found.expected, found.found) == ("[257]", "[116, 259]")
    assert one_tokenizer(7, with_a_wrong_merge, last=found.number) == found
    assert one_tokenizer(7, with_a_wrong_merge, last=found.number - 1) is None


@pytest.mark.parametrize("seed", range(3))
def test_nothing_else_differs(seed):
    assert one_tokenizer(seed, last=99) is None


def test_the_command_prints_how_to_repeat_a_difference(monkeypatch, capsys):
    monkeypatch.setattr("bpe.Tokenizer.count_tokens", lambda self, text: 1)
    assert command.main(["--seed", "3", "--input", "400"]) == 1
    shown = capsys.readouterr().out
    assert "check     count" in shown
    number = shown.split()[1]
    assert command.main(["--seed", "3", "--input", number]) == 1
    assert capsys.readouterr().out == shown
    monkeypatch.undo()
    assert command.main(["--seed", "3", "--input", number]) == 0
    assert capsys.readouterr().out == f"input {number} does not differ\n"


def test_a_run_in_another_process(capsys):
    assert command.main(["--seed", "5", "--inputs", "50"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown == ["seed 5", "50 inputs, 1 tokenizers, 0 differences"]


@pytest.mark.parametrize(
    ("make", "what"), [(that_crashes, "ended the process with exit code -6"), (that_hangs, "does not end")]
)
@pytest.mark.skipif(sys.platform == "win32", reason="exit codes are others there")
def test_a_process_that_crashes_or_hangs_is_reported(make, what):
    outcome = watch(1, num_inputs=10, make=make, hangs_seconds=0.5)
    number, found = outcome.failed
    assert number == 0
    assert what in found


@pytest.mark.parametrize("arguments", [["--input", "3"], ["--seconds", "0"], ["--seed", "-1"], ["--inputs", "x"]])
def test_mistakes_on_the_command_line(arguments, capsys):
    with pytest.raises(SystemExit) as exited:
        command.main(arguments)
    assert exited.value.code == 2


def test_texts_and_cuts():
    random = Random(0)
    texts = [fuzz_text(random, ["<s>", "|end|"]) for _ in range(300)]
    assert any("<s>" in text for text in texts)
    assert 0.3 < sum(map(is_known, texts)) / len(texts) < 1
    for text in texts:
        text.encode()  # there are no surrogates
        assert "".join(fuzz_cuts(random, text)) == text


def test_a_pattern_that_takes_exponential_time_is_noticed_in_stand_ins_too():
    slow = Split("(?:Ã©|Ã©)+[bc]", "Isolated")
    assert takes_long(slow.pattern, "Ã©" * 60)
    assert not takes_long(SplitSteps([slow]), "é" * 60)
    assert takes_long(SplitSteps([StandIns(), slow]), "é" * 60)


def test_a_difference_that_needs_the_texts_before_it_is_not_shortened():
    error = DifferenceError("stream", "abc", [1], [2])
    assert shortest(error, lambda text: None) is error
