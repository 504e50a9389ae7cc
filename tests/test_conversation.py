"""Conversations: what the model sees, what commands change, and one at a terminal."""

import os
import pty
import re
import select
import subprocess
import sys
import time

import pytest

from bpe import Tokenizer
from conversation import Conversation, converse
from generated_text import Throughput
from nn import ModelConfig, SamplingConfig, TransformerLM
from speaker import Speaker

from .conftest import APPS, without_ansi

END = 256


@pytest.fixture(scope="module")
def speaker():
    """An untrained model of bytes."""
    import torch

    config = ModelConfig(vocab_size=260, context_length=24, d_model=16, num_layers=1, num_heads=2)
    vocab = {byte: bytes([byte]) for byte in range(256)}
    model = TransformerLM(config, generator=torch.Generator().manual_seed(3))
    return Speaker(model, Tokenizer(vocab, [], ["<|endoftext|>"]))


def conversation(speaker, **options):
    return Conversation(speaker, SamplingConfig(), 5, **{"max_new_tokens": 10, **options})


def take(talk, typed, count=None):
    """Take a turn, as far as this many tokens, and return the new ids."""
    before, steps = len(talk.ids), talk.take_turn(typed, Throughput())
    for _ in zip(range(10**6 if count is None else count), steps, strict=False):
        pass
    return talk.ids[before:]


def test_turns_are_appended_to_the_document(speaker):
    talk = conversation(speaker)
    first, second = take(talk, "One"), take(talk, " day")
    assert bytes(first[:3]) == b"One"
    assert bytes(second[:4]) == b" day"
    assert len(first) == 13
    assert talk.ids == first + second
    (expected,) = zip(*speaker.stream([talk.ids[:17]], 7, talk.sampling, [5], drawn_before=[10]), strict=True)
    assert [spoken.token.id for spoken in expected] == talk.ids[17:24]


def test_a_document_begins_with_the_separator_if_nothing_is_typed(speaker):
    assert take(conversation(speaker), "")[0] == END


@pytest.mark.parametrize("count", [1, 4, 9])
def test_a_text_that_is_stopped_continues_as_if_it_had_not_been(speaker, count):
    whole = take(conversation(speaker, max_new_tokens=40), "One")
    talk = conversation(speaker, max_new_tokens=40)
    take(talk, "One", count)
    take(talk, "")
    assert talk.ids[:43] == whole
    assert talk.unseen > 0


def test_undo_removes_a_turn_and_the_next_text_is_another(speaker):
    talk = conversation(speaker)
    first = take(talk, "One")
    second = take(talk, " day")
    assert talk.undo()
    assert talk.ids == first
    assert take(talk, " day") != second
    assert talk.undo()
    assert talk.undo()
    assert talk.ids == []
    assert not talk.undo()


def test_a_seed_begins_again(speaker):
    talk = conversation(speaker)
    texts = []
    for seed in (7, 7, 8):
        talk.begin_document()
        talk.use_seed(seed)
        texts.append(take(talk, "One"))
    assert texts[0] == texts[1] != texts[2]


def test_a_document_that_the_model_ends_can_be_continued(speaker):
    talk = conversation(speaker, stop_tokens=range(0, 256, 2), max_new_tokens=60)
    take(talk, "a")
    assert talk.ended
    drawn, length = talk.drawn, len(talk.ids)
    assert drawn == length  # one number for each token but the first, and one for the token that ended it
    talk.stop_tokens = ()
    take(talk, "b")
    assert not talk.ended


def test_a_text_that_cannot_be_encoded_changes_nothing(speaker):
    talk = conversation(speaker)
    with pytest.raises(ValueError, match="surrogate"):
        take(talk, "\udcff")
    assert (talk.ids, talk.turns) == ([], [])


def typed_lines(monkeypatch, *lines):
    given = iter(lines)

    def read(prompt):
        line = next(given, None)
        if line is None:
            raise EOFError
        if line == "^C":
            raise KeyboardInterrupt
        return line

    monkeypatch.setattr("builtins.input", read)


def test_commands(speaker, monkeypatch, capsys):
    talk = conversation(speaker, max_new_tokens=3)
    lines = ["/undo", "One", "/undo", "/seed 9", "/seed -1", "/seed x", "/temperature 0", "/temperature -1", "^C"]
    typed_lines(monkeypatch, *lines, "/temperature", "/foo bar", "/help", "/new", "two\\", "three", "/quit", "never")
    converse(talk, show_throughput=True)
    errors = capsys.readouterr().err
    for message in (
        "(there is nothing to remove)",
        "(the document is empty)",
        "(seed 9)",
        "error: the seed is -1",
        "error: 'x' is not a whole number",
        "(temperature 0)",
        "error: temperature is -1.0",
        "(/quit or Ctrl-D ends)",
        "error: /temperature is not a command",
        "error: /foo bar is not a command: /help lists them",
        "Ctrl-C          stop the text",
        "(a new document)",
        "(3 tokens in ",
    ):
        assert message in errors, message
    assert talk.sampling.temperature == 0
    assert bytes(talk.ids[:9]) == b"two\nthree"


def test_an_opening_is_text_even_if_it_looks_like_a_command(speaker, monkeypatch, capsys):
    talk = conversation(speaker)
    typed_lines(monkeypatch)
    converse(talk, "/new")
    assert bytes(talk.ids[:4]) == b"/new"
    assert capsys.readouterr().out.startswith("/new")


def test_what_the_model_no_longer_sees_is_said(speaker, monkeypatch, capsys):
    talk = conversation(speaker, max_new_tokens=30)
    typed_lines(monkeypatch, "One")
    converse(talk)
    assert f"context of 24 tokens: it no longer sees the first {talk.unseen})" in capsys.readouterr().err
    assert talk.unseen == 13  # at the 25th token the newer half is read again, next at the 38th


class Terminal:
    """A program with a terminal of its own."""

    def __init__(self, *command):
        self._screen, theirs = pty.openpty()
        environment = {**os.environ, "TERM": "xterm", "OMP_NUM_THREADS": "1"}
        # The first terminal that the leader of a session opens is the one whose Ctrl-C reaches it.
        script = 'exec "$@" <"$0" >"$0" 2>&1'
        self.process = subprocess.Popen(
            ["sh", "-c", script, os.ttyname(theirs), *command],
            env=environment,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._theirs = theirs

    def type(self, keys):
        os.write(self._screen, keys.encode())

    def wait_for(self, expected, seconds=240):
        """Return what is on the screen since the last call, up to a text that matches."""
        text, end = "", time.monotonic() + seconds
        while not re.search(expected, text):
            ready, _, _ = select.select([self._screen], [], [], max(0, end - time.monotonic()))
            assert ready, f"{expected!r} did not appear in {text!r}"
            text += without_ansi(os.read(self._screen, 4096).decode("utf-8", "replace"))
        return text

    def wait_for_after_ctrl_c(self, expected):
        """Press Ctrl-C at a prompt, again until it is answered: readline may lose a signal before it waits for keys."""
        for _ in range(20):
            self.type("\x03")
            try:
                return self.wait_for(expected, seconds=10)
            except AssertionError:
                continue
        raise AssertionError("the prompt does not answer Ctrl-C")

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self._screen)
        os.close(self._theirs)


@pytest.fixture
def terminal(trained_run):
    opened = Terminal(
        sys.executable, APPS / "generate.py", trained_run, "--interactive", "--max-new-tokens=100000", "--temperature=1"
    )
    yield opened
    opened.close()


def test_at_a_terminal(terminal):
    assert "The model continues what you type." in terminal.wait_for("> $")
    terminal.type("One day\n")
    terminal.wait_for("One day\r\n(?s:.){20}")
    terminal.type("\x03")
    stopped = terminal.wait_for("> $")
    assert "(stopped: Enter continues)" in stopped
    assert "tokens/s, the first after" in stopped
    terminal.type("\x1b[A")  # the history
    terminal.wait_for("One day$")
    assert "(/quit or Ctrl-D ends)" in terminal.wait_for_after_ctrl_c("ends\\)(?s:.)*> $")
    terminal.type("/undo\n")
    assert "(the document is empty)" in terminal.wait_for("> $")
    terminal.type("\x04")
    assert terminal.process.wait(60) == 0
