"""Chapter 1: bytes. Replace the body of a function by your own and run this file with pytest."""

import pytest

TEXTS = ["", "plain", "naïve 🐘", "日本語", "e\u0301", "\u07ff\u0800\uffff\U00010000"]


def num_bytes(character: str) -> int:
    """Return how many bytes a character takes in UTF-8."""
    code_point = ord(character)
    return 1 + (code_point > 127) + (code_point > 2_047) + (code_point > 65_535)


def count_characters(data: bytes) -> int:
    """Return how many characters the bytes of a UTF-8 text contain: each has one byte that is not `10xxxxxx`."""
    return sum(byte & 0b1100_0000 != 0b1000_0000 for byte in data)


def complete_prefix(data: bytes) -> bytes:
    """Return the longest beginning of a UTF-8 text, cut anywhere, that does not end inside a character."""
    for start in range(len(data) - 1, max(len(data) - 4, -1), -1):
        byte = data[start]
        if byte & 0b1100_0000 != 0b1000_0000:  # the first byte of the last character
            length = 1 + (byte >= 0b1100_0000) + (byte >= 0b1110_0000) + (byte >= 0b1111_0000)
            return data if start + length <= len(data) else data[:start]
    return data


@pytest.mark.parametrize("text", TEXTS)
def test_num_bytes(text):
    assert [num_bytes(character) for character in text] == [len(character.encode()) for character in text]


@pytest.mark.parametrize("text", TEXTS)
def test_count_characters(text):
    assert count_characters(text.encode()) == len(text)


@pytest.mark.parametrize("text", TEXTS)
def test_complete_prefix(text):
    data = text.encode()
    for end in range(len(data) + 1):
        prefix = complete_prefix(data[:end])
        assert text.startswith(prefix.decode())
        assert len(prefix) > end - 4
    assert complete_prefix(data) == data
