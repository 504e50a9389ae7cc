"""`bpe decode`."""

import io
import subprocess

import pytest
from hypothesis import given, strategies as st

from bpe import Tokenizer, write_token_file
from bpe.commands import decode
from bpe.commands.decode import parse_ids

from .conftest import COMMAND, piped


def test_bytes_that_are_not_utf8_are_replaced(folder):
    Tokenizer({byte: bytes([byte]) for byte in range(256)}, []).save("bytes.json")
    assert piped("decode", "bytes.json", stdin=b"97 231 98\n231") == (0, "a\ufffdb\ufffd".encode(), "")


def test_decode_warns_of_another_tokenizer(run, trained):
    Tokenizer(*trained).save("without.json")
    run("encode", "tokenizer.json", "other.txt", "--out", "other.bin")
    warning = "warning: other.bin was encoded with another tokenizer than without.json: the text may be wrong\n"
    assert run("decode", "without.json", "other.bin") == (0, "once upon a time", warning)
    write_token_file("unknown.bin", [98, 99], 1200)
    assert run("decode", "tokenizer.json", "unknown.bin") == (0, "ab", "")


def test_decode_prints_while_standard_input_is_open(folder):
    with subprocess.Popen([*COMMAND, "decode", "tokenizer.json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as p:
        for ids, text in [(b"98 99 ", b"ab"), (b"100\n", b"c")]:
            p.stdin.write(ids)
            p.stdin.flush()
            assert p.stdout.read(len(text)) == text  # standard input is still open
        p.stdin.close()
        assert p.wait() == 0


@given(
    ids=st.lists(st.integers(0, 2**32 - 1)),
    spaces=st.lists(st.sampled_from(" \n\t"), min_size=1),
    size=st.integers(1, 9),
)
def test_ids_are_parsed_wherever_the_stream_is_cut(ids, spaces, size):
    text = "".join(f"{token_id}{spaces[i % len(spaces)]}" for i, token_id in enumerate(ids))
    for content in (text, text.strip(), " " + text):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(decode, "_CHUNK_BYTES", size)
            assert [token_id for some in parse_ids(io.BytesIO(content.encode())) for token_id in some] == ids


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"1 2 x3", "'x3' as item 3"),
        (b"1 -2 ", "'-2' as item 2"),
        (b"1 2.5", "'2.5' as item 2"),
        ("1 ２".encode(), r"'２' as item 2"),
        (b"\xff", r"'\\\\xff' as item 1"),
        (b"7 " * 50_000 + b"a", "'a' as item 50001"),
        (b"1" * 10**6, "'11111111111111111111' as item 1"),
    ],
)
def test_what_is_not_an_id_is_named(content, message):
    with pytest.raises(ValueError, match=f"standard input has {message}: give ids separated by white space"):
        list(parse_ids(io.BytesIO(content)))


def test_a_long_word_is_an_error_before_it_is_read_completely():
    file = io.BytesIO(b"1" * 10**7)
    with pytest.raises(ValueError):
        list(parse_ids(file))
    assert file.tell() < 10**6
