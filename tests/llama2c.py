"""A tiny checkpoint of llama2.c, and its tokenizer."""

import random
import struct

WORDS = ["▁", *"Onceouparimdthy.", "on", "▁on", "ce", "▁a", "▁u", "po", "▁t"]
"""The pieces after the bytes, of falling score."""


def write_tokenizer(path, words=WORDS):
    """Write a `tokenizer.bin`; return its number of pieces."""
    words = [word.replace("▁", " ") for word in dict.fromkeys(words)]
    special = ["<unk>", "\n<s>\n", "\n</s>\n", *(f"<0x{byte:02X}>" for byte in range(256))]
    pieces = [(text.encode(), 0.0) for text in special] + [(word.encode(), -i) for i, word in enumerate(words)]
    content = struct.pack("<I", max(len(text) for text, _ in pieces))
    for text, score in pieces:
        content += struct.pack("<fI", score, len(text)) + text
    path.write_bytes(content)
    return len(pieces)


def write_checkpoint(path, vocab_size, seed=0):
    """Write a model of one layer, of width 8, with a context of 32."""
    width, hidden, context = 8, 16, 32
    matrices = vocab_size * width + 4 * width * width + 3 * width * hidden
    count = matrices + 3 * width + context * width // 2  # also gains, and the table of rotations, with two heads
    rng = random.Random(seed)
    weights = struct.pack(f"<{count}f", *(rng.gauss(0, 0.5) for _ in range(count)))
    path.write_bytes(struct.pack("<7i", width, hidden, 1, 2, 2, vocab_size, context) + weights)
