from itertools import pairwise

import tiktoken
import tokenizers
from hypothesis import given, strategies as st

from bpe import PATTERNS, Tokenizer
from bpe.offsets import token_offsets

from .conftest import END, SCRIPTS, texts


def naive_offsets(tokens):
    """Record for each byte of the text the character that it belongs to."""
    text = b"".join(tokens).decode()
    character_of = [index for index, character in enumerate(text) for _ in character.encode()]
    offsets, start = [], 0
    for token in tokens:
        end = start + len(token)
        offsets.append((character_of[start], character_of[end - 1] + 1))
        start = end
    return offsets


@given(text=texts(), cuts=st.sets(st.integers(1, 300)))
def test_equal_to_the_naive_way(text, cuts):
    content = text.encode()
    borders = [0, *sorted(cut for cut in cuts if cut < len(content)), len(content)]
    tokens = [content[a:b] for a, b in pairwise(borders) if a < b]
    assert token_offsets(tokens) == naive_offsets(tokens)


@given(text=texts())
def test_equal_to_the_tokenizers_library(tokenizer, tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "offsets.json"
    if not path.exists():
        tokenizer.save(path)
    text = text.encode("ascii", errors="ignore").decode() + SCRIPTS  # Unicode versions differ in rare characters
    expected = tokenizers.Tokenizer.from_file(str(path)).encode(text, add_special_tokens=False)
    assert tokenizer.encode_with_offsets(text) == (expected.ids, expected.offsets)


@given(text=texts())
def test_starts_equal_to_tiktoken(tokenizer, text):
    ranks = {token: token_id for token_id, token in tokenizer.vocab.items() if token_id > 0}
    oracle = tiktoken.Encoding(
        "ours", pat_str=PATTERNS["gpt2"], mergeable_ranks=ranks, special_tokens=tokenizer.special_tokens
    )
    ids, offsets = tokenizer.encode_with_offsets(text)
    assert ([start for start, _ in offsets], text) == oracle.decode_with_offsets(ids)[::-1]


def test_characters_in_pieces_and_special_tokens():
    tokenizer = Tokenizer({byte: bytes([byte]) for byte in range(256)}, [], [END])
    ids, offsets = tokenizer.encode_with_offsets(f"é{END}👍")
    assert offsets == [(0, 1), (0, 1), (1, 14), (14, 15), (14, 15), (14, 15), (14, 15)]
    assert len(ids) == len(offsets)
    assert tokenizer.encode_with_offsets("") == ([], [])
