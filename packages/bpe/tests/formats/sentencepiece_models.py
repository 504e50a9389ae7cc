"""Small SentencePiece models, trained for the tests."""

import io
import re

import sentencepiece

from ..conftest import SCRIPTS

SPACES = "def f(x):\n        return x      # spaces\n" * 20


def train_model(path, **options) -> sentencepiece.SentencePieceProcessor:
    """Train a model of type BPE on the scripts of the tests, write it to `path`, and open it."""
    defaults = {"model_type": "bpe", "vocab_size": 420, "normalization_rule_name": "identity", "num_threads": 1}
    content = io.BytesIO()
    sentences = [line for line in re.split(r"\n", SCRIPTS * 3 + SPACES) if line]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_writer=content,
        minloglevel=2,
        hard_vocab_limit=False,
        **(defaults | options),
    )
    path.write_bytes(content.getvalue())
    return sentencepiece.SentencePieceProcessor(model_proto=content.getvalue())


def varint(value: int) -> bytes:
    """Write an integer as Protocol Buffers do."""
    return bytes([value]) if value < 0x80 else bytes([value & 0x7F | 0x80]) + varint(value >> 7)


def chunk(number: int, content: bytes) -> bytes:
    """Write a field of bytes, a string or a message."""
    return varint(number << 3 | 2) + varint(len(content)) + content
