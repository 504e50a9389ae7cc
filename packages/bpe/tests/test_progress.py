import io
import os

import pytest

from bpe import encode_file
from bpe.progress import Progress, progress_line


class Terminal(io.StringIO):
    def isatty(self):
        return True

    def screen(self):
        """The visible lines: after a carriage return, later characters overwrite earlier ones."""
        lines = []
        for line in self.getvalue().split("\n"):
            seen = ""
            for text in line.split("\r"):
                seen = text + seen[len(text) :]
            lines.append(seen.rstrip())
        return lines


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("a", 0, 10**6, 0.0), "a  0.0/1.0 MB  0%"),
        (("a", 0, 10**6, 3.0), "a  0.0/1.0 MB  0%"),
        (("a", 10**6, 10**6, 0.5), "a  1.0/1.0 MB  100%  2.0 MB/s  0:00 left"),
        (("", 10**8, 10**9, 100.0), "100.0/1000.0 MB  10%  1.0 MB/s  15:00 left"),
        (("pipe", 5 * 10**6, None, 2.0), "pipe  5.0 MB  2.5 MB/s"),
        (("merging", 0, 10_000, 0.0, "merges"), "merging  0/10,000 merges  0%"),
        (("merging", 9_000, 10_000, 4.0, "merges"), "merging  9,000/10,000 merges  90%  2,250 merges/s  0:00 left"),
        (("merging", 9_000, None, 4.0, "merges"), "merging  9,000 merges  2,250 merges/s"),
    ],
)
def test_the_line(arguments, line):
    assert progress_line(*arguments) == line


def test_a_terminal_shows_one_line_that_is_overwritten():
    terminal, clock = Terminal(), Clock()
    with Progress("text", 4_000_000, stream=terminal, clock=clock) as display:
        for _ in range(4):
            clock.now += 1
            display.advance(1_000_000)
            assert len(terminal.screen()) == 1
        assert terminal.screen() == ["text  4.0/4.0 MB  100%  1.0 MB/s  0:00 left"]
    assert terminal.screen() == ["text  4.0/4.0 MB  100%  1.0 MB/s  0:00 left", ""]


def test_it_is_drawn_a_few_times_a_second():
    terminal, clock = Terminal(), Clock()
    with Progress("text", 10**9, stream=terminal, clock=clock) as display:
        for _ in range(10_000):
            clock.now += 0.001
            display.advance(1)
    assert 40 <= terminal.getvalue().count("\r") <= 52


def test_an_error_erases_the_line():
    terminal, clock = Terminal(), Clock()
    with pytest.raises(KeyboardInterrupt), Progress("text", 10, stream=terminal, clock=clock) as display:
        clock.now += 1
        display.advance(5)
        assert terminal.screen() != [""]
        raise KeyboardInterrupt
    assert terminal.screen() == [""]


def test_a_narrow_terminal_gets_a_short_line(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    terminal = Terminal()
    with Progress("a long name.txt", 10, shown=True, stream=terminal):
        pass
    assert terminal.screen() == ["a long name.txt  0.", ""]


@pytest.mark.parametrize("failing", [False, True])
def test_nothing_is_shown_without_a_terminal(failing):
    stream, clock = io.StringIO(), Clock()
    try:
        with Progress("text", 10, stream=stream, clock=clock) as display:
            clock.now += 1000
            display.advance(5)
            if failing:
                raise OSError
    except OSError:
        pass
    assert stream.getvalue() == ""


def test_a_log_gets_complete_lines_on_request():
    stream, clock = io.StringIO(), Clock()
    with Progress("text", 100, shown=True, stream=stream, clock=clock) as display:
        for _ in range(50):
            clock.now += 1
            display.advance(2)
    lines = stream.getvalue().splitlines()
    assert [line.split("  ")[2] for line in lines] == ["20%", "40%", "60%", "80%", "100%", "100%"]
    assert "\r" not in stream.getvalue()


def test_nothing_is_shown_on_a_terminal_if_switched_off():
    terminal = Terminal()
    with Progress("text", 10, shown=False, stream=terminal):
        pass
    assert terminal.getvalue() == ""


@pytest.mark.parametrize(("shown", "lines"), [(None, [""]), (True, ["text  0.0/0.0 MB  50%", ""])])
def test_short_work_shows_nothing_unless_requested(shown, lines):
    terminal = Terminal()
    with Progress("text", 10, shown=shown, stream=terminal, clock=Clock()) as display:
        display.advance(5)
    assert terminal.screen() == lines


def test_watch_counts_bytes_when_the_next_chunk_is_requested():
    terminal, clock = Terminal(), Clock()
    with Progress("text", 10, stream=terminal, clock=clock) as display:
        done = [(chunk, display.done) for chunk in display.watch(["abc", "żó", "狐"])]
    assert done == [("abc", 0), ("żó", 3), ("狐", 7)]
    assert display.done == 10


def test_encode_file_shows_progress_only_if_asked(tmp_path, tokenizer, corpus, capfd):
    info = encode_file(tokenizer, corpus, tmp_path / "a.bin")
    assert capfd.readouterr() == ("", "")
    assert encode_file(tokenizer, corpus, tmp_path / "b.bin", num_threads=2, progress=True) == info
    output, errors = capfd.readouterr()
    assert output == ""
    assert errors.startswith(f"{corpus.name}  0.1/0.1 MB  100%")
    assert (tmp_path / "a.bin").read_bytes() == (tmp_path / "b.bin").read_bytes()


def test_encode_file_checks_its_threads(tmp_path, tokenizer, corpus):
    with pytest.raises(ValueError, match="num_threads is 0"):
        encode_file(tokenizer, corpus, tmp_path / "t.bin", num_threads=0)
    assert os.listdir(tmp_path) == []
