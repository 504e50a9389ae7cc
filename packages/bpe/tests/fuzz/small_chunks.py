"""Chunks and buffers of a few characters, so that short texts are cut where otherwise only megabytes are."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from random import Random
from unittest.mock import patch

_SIZES = (
    ("bpe.compiled.encoder", "CHUNK_BYTES"),
    ("bpe.compiled.encoder", "_NORMALIZED_CHUNK_BYTES"),
    ("bpe.compiled.encoder", "_STREAM_BUFFER"),
    ("bpe.compiled.documents", "_JOINED_CHARACTERS"),
    ("bpe.compiled.joined_segments", "CHUNK_BYTES"),
    ("bpe.compiled.joined_segments", "_SURELY_SHORT"),
    ("bpe.tokenizer", "_STREAM_BUFFER"),
    ("bpe.streaming", "_MIN_BUFFER"),
    ("bpe.streaming", "_MIN_UNNAMED_BUFFER"),
    ("bpe.added_tokens", "_MIN_BUFFER"),
    ("bpe.normalizers", "_MIN_BUFFER"),
    ("bpe.chunks", "_FIRST_WINDOW"),
)
"""Lengths, by module and name, none of which may change an id."""


@contextmanager
def small_chunks(random: Random) -> Iterator[None]:
    """Replace all lengths by small random ones while a `with` block runs."""
    with ExitStack() as stack:
        for module, name in _SIZES:
            size = random.choice((1, 7, 16, 31, 63, 64, 65, 127, 200, 500))
            stack.enter_context(patch.object(import_module(module), name, size))
        buffer = random.choice((1 << 10, 1 << 20))  # not less: it also serves for the tokens of the vocabulary
        stack.enter_context(patch.object(import_module("bpe.compiled.worker"), "CHUNK_BYTES", buffer))
        yield
