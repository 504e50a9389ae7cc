"""Texts that are constructed so that all pieces have the same slot in the cache."""

from itertools import product

from bpe import Tokenizer
from bpe.kernels.encoding import layout as encoding

from ..conftest import END


def colliding_words() -> list[str]:
    """128 words of 15 letters with the same hash: a capital in the second word of the key (bit 5 of byte j) is balanced
    by another letter in the first (bit 0 of byte j + 4), because the second is rotated by 27 bits."""
    words = []
    for choice in product([False, True], repeat=7):
        letters = bytearray(b"bbbbbbbbbbbbbbb")
        for j, flipped in enumerate(choice):
            if flipped:
                letters[8 + j] ^= 0x20
                letters[(j + 4) % 8] ^= 0x01
        words.append(letters.decode())
    return words


def place(word: str) -> int:
    key = word.encode()
    low, high = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:] + bytes([len(key)]), "little")
    turned = (high << 27 | high >> 37) & (2**64 - 1)
    return low ^ turned


def test_a_text_with_colliding_hashes_is_encoded_correctly_with_few_probes(trained):
    words = colliding_words()
    assert len(set(words)) == 128
    assert len({place(word) for word in words}) == 1
    compiled = Tokenizer(*trained, [END], engine="compiled")
    text = "\n".join(words * 3)
    assert compiled.encode(text) == Tokenizer(*trained, [END], engine="reference").encode(text)
    encoder = compiled._encoder
    assert encoder is not None
    table = encoder._idle[0]._a[encoding.SHORT_CACHE].reshape(-1, 4)
    kept = {row[:2].tobytes()[:15].decode("latin-1") for row in table} & set(words)
    assert 0 < len(kept) <= encoding.MAX_PROBES
