"""Prompts from the command line, files and pipes."""

import os
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from prompts import read_prompts


@contextmanager
def standard_input(content, monkeypatch):
    """Let standard input be a pipe with this content."""
    reading, writing = os.pipe()
    os.write(writing, content)
    os.close(writing)
    with open(reading, encoding="utf-8") as pipe, monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", pipe)
        yield pipe


@pytest.mark.parametrize(
    ("content", "prompt"),
    [
        (b"One day", "One day"),
        (b"One day\n", "One day"),
        (b"One day\r\n", "One day"),
        (b"One\n\n", "One\n"),
        (b"", ""),
        ("Ünce\u2028".encode(), "Ünce\u2028"),
    ],
)
def test_a_file_and_standard_input_are_one_prompt_without_the_last_line_end(content, prompt, tmp_path, monkeypatch):
    file = tmp_path / "prompt.txt"
    file.write_bytes(content)
    assert read_prompts(None, file, None) == [prompt]
    for given in (("-", None, None), (None, Path("-"), None)):
        with standard_input(content, monkeypatch):
            assert read_prompts(*given) == [prompt]


def test_a_given_prompt_leaves_standard_input_alone(monkeypatch):
    with standard_input(b"other", monkeypatch) as pipe:
        assert read_prompts("One", None, None) == ["One"]
        assert read_prompts("", None, None) == [""]
        assert read_prompts(None, None, None) == [""]
        assert pipe.read() == "other"


def test_a_prompt_on_each_line(tmp_path):
    (tmp_path / "lines.txt").write_bytes("One\r\n\n Two\x0b \u2028\n".encode())
    assert read_prompts(None, None, tmp_path / "lines.txt") == ["One", "", " Two\x0b \u2028"]
    (tmp_path / "lines.jsonl").write_text('{"prompt": "One\\nline", "text": "more"}\n{"prompt": ""}')
    assert read_prompts(None, None, tmp_path / "lines.jsonl") == ["One\nline", ""]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("lines.txt", b"", "is empty: write one prompt on each line"),
        ("lines.jsonl", b"\n", "is empty"),
        ("lines.txt", b"One\n\xff", "is not UTF-8 text (invalid start byte at byte 4)"),
        ("lines.jsonl", b'{"prompt": "One"}\nTwo', "line 2 of "),
        ("lines.jsonl", b"[" * 100_000, "is not valid JSON"),
        ("lines.jsonl", b'{"text": "One"}', 'is not a prompt: write {"prompt": "text"} on each line'),
        ("lines.jsonl", b'{"prompt": 3}', "is not a prompt"),
        ("lines.jsonl", b'["prompt"]', "is not a prompt"),
    ],
)
def test_files_that_are_refused(name, content, message, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError) as caught:
        read_prompts(None, None, tmp_path / name)
    assert message in str(caught.value)
