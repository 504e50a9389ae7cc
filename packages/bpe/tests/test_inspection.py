import re

import pytest
from hypothesis import given, strategies as st

from bpe import Tokenizer
from bpe.inspection import TextSize, count_table, longest_tokens, measure, show_tokens, summary, token_table, visible

from .conftest import END, SCRIPTS, texts


def tokens_of(tokenizer, text):
    return [(token_id, tokenizer.decode_bytes([token_id])) for token_id in tokenizer.encode(text)]


@given(text=texts(), size=st.integers(1, 20))
def test_measuring_a_text_in_chunks(tokenizer, text, size):
    chunks = (text[i : i + size] for i in range(0, len(text), size))
    assert measure(tokenizer, chunks) == TextSize(len(tokenizer.encode(text)), len(text.encode()))


def test_bytes_per_token():
    assert TextSize(4, 10).bytes_per_token == 2.5
    assert TextSize(0, 0).bytes_per_token == 0


def test_one_text_has_no_total():
    assert count_table([("a", TextSize(1_234_567, 5))]) == (
        "   tokens  bytes  bytes/token\n1,234,567      5         0.00  a\n"
    )


def test_the_longest_tokens_are_those_of_a_sorted_vocabulary(tokenizer):
    found = longest_tokens(tokenizer, 20)
    ordinary = [token for token_id, token in tokenizer.vocab.items() if token_id != tokenizer.special_tokens[END]]
    assert [len(token) for _, token in found] == sorted(map(len, ordinary), reverse=True)[:20]
    assert all(tokenizer.vocab[token_id] == token for token_id, token in found)
    assert found == sorted(found, key=lambda entry: (-len(entry[1]), entry[0]))
    assert len(longest_tokens(tokenizer, 10**6)) == len(ordinary)


def test_the_summary(tokenizer, trained):
    lines = dict(re.split(r"\s{2,}", line, maxsplit=1) for line in summary(tokenizer).splitlines())
    assert lines == {
        "vocabulary": "1,200 tokens, largest id 1199",
        "merges": "943",
        "special tokens": f"{END} (0)",
        "pattern": "gpt2",
        "fingerprint": tokenizer.fingerprint,
    }
    own = summary(Tokenizer(*trained, ["\n"], pattern=r"\w+|\W+"))
    assert "⏎ (11)\n" in own
    assert "\\w+|\\W+\n" in own
    assert "none\n" in summary(Tokenizer(*trained))


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        (b" the", " the"),
        (b"\n\n", "⏎⏎"),
        (b"\r\t\x00\x1b[31m\x7f", r"\r\t\x00\x1b[31m\x7f"),
        ("é狐👍".encode(), "é狐👍"),
        ("狐".encode()[:2], r"\xe7\x8b"),
        ("\u00a0\u3000\u200d\u202e\U000e0001".encode(), r"\xa0\u3000\u200d\u202e\U000e0001"),
    ],
)
def test_every_token_is_visible(token, shown):
    assert visible(token) == shown


@given(token=st.binary(max_size=12))
def test_no_byte_can_move_the_cursor(token):
    assert all(character.isprintable() for character in visible(token))


@given(text=texts())
def test_there_are_borders_between_the_tokens(tokenizer, text):
    tokens = tokens_of(tokenizer, text.replace("│", ""))
    shown = show_tokens(tokens, color=False)
    assert [part.replace("⏎\n", "⏎") for part in shown.split("│")] == ([visible(t) for _, t in tokens] or [""])


@given(text=texts())
def test_neighbours_have_different_colours_that_end_with_each_line(tokenizer, text):
    tokens = tokens_of(tokenizer, text)
    shown = show_tokens(tokens, color=True)
    painted = re.findall(r"\x1b\[38;5;16;48;5;(\d+)m([^\x1b]*)\x1b\[0m(\n?)", shown)
    assert "".join(f"\x1b[38;5;16;48;5;{color}m{part}\x1b[0m{end}" for color, part, end in painted) == shown
    assert "".join(part for _, part, _ in painted) == "".join(visible(token) for _, token in tokens)
    assert len({color for color, _, _ in painted}) == min(5, len(tokens))


def test_ids_and_lines():
    tokens = [(256, b"a\n\nb"), (257, b"c\n")]
    assert show_tokens(tokens, color=False, ids=True) == "a⏎\n⏎\nb⟨256⟩│c⏎\n⟨257⟩"
    colored = show_tokens(tokens, color=True, ids=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == "a⏎\n⏎\nb⟨256⟩c⏎\n⟨257⟩"
    assert show_tokens([], color=True) == show_tokens([], color=False) == ""


def test_the_token_table(tokenizer):
    table = token_table(tokens_of(tokenizer, SCRIPTS))
    assert len(table.splitlines()) == len(tokenizer.encode(SCRIPTS))
    assert token_table([(5, b" \n")]) == "       5     2  │ ⏎│\n"
