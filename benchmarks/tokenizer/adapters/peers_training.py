"""Training a vocabulary with the other libraries: from a file to tokens.

A library that takes texts gets the documents (the texts between `<|endoftext|>`) while the file is being read, so that
the memory that is measured is the library's.
"""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.tokenizer import SEPARATOR

_CHUNK_CHARACTERS = 1 << 20
_GPT2_PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def gigatoken(path: str, vocab_size: int) -> list[bytes]:
    """Return the tokens that gigatoken learns; it reads and splits the file itself."""
    from gigatoken.gigatoken_rs import TextFileSource, train_bpe

    vocab, _merges = train_bpe(TextFileSource([path], separator=SEPARATOR.encode()), vocab_size, [SEPARATOR])
    return list(vocab.values())


def rustbpe(path: str, vocab_size: int) -> list[bytes]:
    """Return the tokens that rustbpe learns from the documents, and the separator: it has no special tokens."""
    import rustbpe

    tokenizer = rustbpe.Tokenizer()
    tokenizer.train_from_iterator(_documents(path), vocab_size - 1, pattern=_GPT2_PATTERN)
    return [SEPARATOR.encode(), *(bytes(token) for token, _rank in tokenizer.get_mergeable_ranks())]


def tokenizers(path: str, vocab_size: int) -> list[bytes]:
    """Return the tokens that tokenizers learns from the documents (from a file it would learn line by line)."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[SEPARATOR],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_documents(path), trainer)
    byte_of = _bytes_of_characters()
    return [
        token.encode() if token == SEPARATOR else bytes(byte_of[character] for character in token)
        for token in tokenizer.get_vocab()
    ]


def _bytes_of_characters() -> dict[str, int]:
    """Return GPT-2's mapping of characters to bytes: printable bytes are themselves, the others U+0100 and upwards."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + i): byte for i, byte in enumerate(others)}


def _documents(path: str) -> Iterator[str]:
    """Yield the documents of a file while it is being read."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        rest = ""
        while chunk := file.read(_CHUNK_CHARACTERS):
            *whole, rest = (rest + chunk).split(SEPARATOR)
            yield from whole
        yield rest
