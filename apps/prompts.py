"""Prompts: where they come from, and their ids. Reading them does not load torch."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from bpe import Tokenizer
from text_config import TextConfig

STANDARD_INPUT = "-"
"""The prompt, or the file, that stands for standard input."""


def read_prompts(prompt: str | None, prompt_file: Path | None, prompts_file: Path | None) -> list[str]:
    """Return the prompts of a command line, at most one of whose options is given; none: one empty prompt.

    The line end after the last line of a file or of standard input is not part of the prompt.

    Args:
        prompt: the prompt itself, or `-` for standard input.
        prompt_file: a file that contains one prompt.
        prompts_file: a file with one prompt on each line: a JSON object with the key "prompt" if the name ends in
            `.jsonl`, otherwise the prompt itself.

    Raises:
        ValueError: a file is not UTF-8, contains no prompt, or has a line that is not such an object.
        OSError: a file cannot be read.
    """
    if prompts_file is not None:
        return _read_lines(prompts_file)
    if prompt_file is not None and str(prompt_file) != STANDARD_INPUT:
        return [_without_line_end(_decode(prompt_file.read_bytes(), str(prompt_file)))]
    if prompt == STANDARD_INPUT or prompt_file is not None:
        return [_without_line_end(_decode(sys.stdin.buffer.read(), "standard input"))]
    return [prompt or ""]


def document_ids(tokenizer: Tokenizer, prompt: str, text: TextConfig) -> list[int]:
    """Return the ids of a document that begins with a prompt; an empty one is the start of a new document.

    Raises:
        ValueError: the tokenizer does not have the token that `text` puts before the prompt.
    """
    ids = tokenizer.encode(prompt)
    return text.begin_ids(tokenizer) + ids if ids else text.document_start(tokenizer)


def prompt_ids(
    tokenizer: Tokenizer, context_length: int, prompt: str, *, text: TextConfig, truncate: bool = False
) -> list[int]:
    """Return the prompt's ids, as `document_ids` gives them, if they fit the context.

    Args:
        tokenizer: the model's.
        context_length: the model's.
        prompt: the prompt.
        text: what is put before it, which is never cut.
        truncate: whether the start of a prompt that is too long may be cut.

    Raises:
        ValueError: the prompt does not fit the context and may not be truncated.
    """
    ids = document_ids(tokenizer, prompt, text)
    begin = len(text.begin_ids(tokenizer))
    excess = len(ids) - context_length
    if excess > 0:
        cut = tokenizer.decode(ids[begin : begin + excess])
        shown = repr(cut if len(cut) <= 60 else f"{cut[:30]} … {cut[-30:]}")
        what = (
            f"the prompt has {len(ids)} tokens, but the model's context is {context_length}: the first {excess}, "
            f"{shown},"
        )
        if not truncate:
            raise ValueError(f"{what} would be cut; shorten the prompt, or allow it with --truncate-prompt")
        print(f"note: {what} are cut", file=sys.stderr)
        del ids[begin : begin + excess]
    return ids


def continuing_ids(tokenizer: Tokenizer, text: str) -> list[int]:
    """Return the ids of a text that continues another one.

    A tokenizer that puts a space in front of every text would put it between the two. After a line end there is none.
    """
    before, ids = tokenizer.encode("\n"), tokenizer.encode("\n" + text)
    puts_space = tokenizer.text_from_start(" ") == ""
    return ids[len(before) :] if puts_space and ids[: len(before)] == before else tokenizer.encode(text)


def stop_token(tokenizer: Tokenizer, vocab_size: int, text: str) -> int:
    """Return the id of the token, special or not, with this text.

    Raises:
        ValueError: there is no such token, or the model's vocabulary does not contain it.
    """
    ids = tokenizer.encode(text)
    if len(ids) != 1 or ids[0] >= vocab_size:
        raise ValueError(f"the stop text {text!r} is {len(ids)} tokens of the tokenizer: give one that is a token")
    return ids[0]


def _read_lines(file: Path) -> list[str]:
    lines = _without_line_end(_decode(file.read_bytes(), str(file))).split("\n")
    if lines == [""]:
        raise ValueError(f"{file} is empty: write one prompt on each line")
    return list(_json_prompts(file, lines)) if file.suffix == ".jsonl" else [line.removesuffix("\r") for line in lines]


def _json_prompts(file: Path, lines: list[str]) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        try:
            content = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"line {number} of {file} is not valid JSON ({error})") from None
        prompt = content.get("prompt") if isinstance(content, dict) else None
        if not isinstance(prompt, str):
            raise ValueError(f'line {number} of {file} is not a prompt: write {{"prompt": "text"}} on each line')
        yield prompt


def _decode(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} is not UTF-8 text ({error.reason} at byte {error.start}): convert it") from None


def _without_line_end(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r")
