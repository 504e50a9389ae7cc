"""The table that kernels follow, followed in Python. `tests/kernels/scanning` follows it with the kernel."""

from random import Random

import pytest

from bpe.automata.determinize import automaton, find_automaton
from bpe.automata.scanner_table import BORDER_BACK, BORDER_HERE, START_ROW, scanner_table

from .published_patterns import PUBLISHED
from .strategies import random_pattern, random_text


def borders(pattern, text):
    """Where the table says that pieces start, up to where it does not say what follows (or the end, `None`)."""
    found, table = automaton(pattern), scanner_table(automaton(pattern))
    row, starts = START_ROW, [0]
    symbols = [*(found.classes.of(ord(character)) for character in text), found.end]
    if text.endswith("\n"):
        symbols[-2] = found.final_newline
    for position, symbol in enumerate(symbols):
        row = table.rows[row][symbol]
        if row < START_ROW:
            return starts, position
        starts += [position - 1] if table.flags[row] & BORDER_BACK else []
        starts += [position] if table.flags[row] & BORDER_HERE else []
        if position < len(text) and ord(text[position]) >= 0x80:
            row = table.rows[row][table.continuation]
    return starts, None


def check(pattern, text):
    expected = [0]
    for piece in automaton(pattern).split(text):
        expected.append(expected[-1] + len(piece))
    starts, stopped = borders(pattern, text)
    assert starts == expected[: len(starts)]
    if stopped is None:
        assert starts == expected[:-1]


def test_borders_are_those_of_the_automaton():
    random = Random(0)
    for pattern in PUBLISHED.values():
        for _ in range(20):
            check(pattern, random_text(random) + "x")
    for pattern in filter(find_automaton, (random_pattern(random) for _ in range(100))):
        for _ in range(5):
            check(pattern, random_text(random) + "x")


@pytest.mark.parametrize(
    ("name", "text", "starts", "stopped"),
    [
        ("gpt2", "I'm  ok", [0, 1, 3, 4], None),
        ("gpt2", "ok  ", [0, 2], None),
        ("gpt2", "'lx", [0, 1], None),
        ("cl100k", "\n  a", [0], 3),
        ("gpt2", "a\u3000\u3000b", [0, 1], 3),
        ("cl100k", "12345", [0, 3], None),
        ("DeepSeek V3, numbers", "ab12cd", [0, 2, 4], None),
        ("Falcon, numbers", "ab12", [0], 2),
    ],
)
def test_what_the_table_knows(name, text, starts, stopped):
    assert borders(PUBLISHED[name], text) == (starts, stopped)
