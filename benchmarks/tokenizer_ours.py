"""Every call of the tokenizer under test, in the shape that all libraries are measured in."""

import json
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

SEPARATOR = "<|endoftext|>"
_KERNEL_TEXT = "Low lower lowest: 3 naïve 'tests' aren't enough, 試験は難しい 🙂!\n\n  " * 4_000


class Ours:
    """`bpe`: `Tokenizer.encode_file_to_numpy`, which maps the file and returns one array."""

    separator_ids = True

    def __init__(self, files: dict[str, str], threads: int | None) -> None:
        """Load GPT-2's vocabulary; `threads` is None for all."""
        from bpe import Tokenizer

        self._tokenizer = Tokenizer.from_files(files["vocab"], files["merges"], [SEPARATOR])
        self._threads = threads

    def prepare(self) -> None:
        """Make the tables that the peers make when they load a vocabulary, and ours when the first large text comes."""
        self._tokenizer.load_kernels(self._threads)

    def encode_file(self, path: str) -> Any:
        """Return the ids of a file."""
        return self._tokenizer.encode_file_to_numpy(path, num_threads=self._threads)

    @property
    def vocab(self) -> dict[int, bytes]:
        """The bytes of each id."""
        return self._tokenizer.vocab

    def encode_text(self, text: str) -> Any:
        """Return the ids of a text."""
        return self._tokenizer.encode(text)

    @staticmethod
    def as_array(ids: Any) -> "np.ndarray":
        """Return what `encode_file` gave as one array."""
        array: np.ndarray = ids
        return array

    def encode_to_token_file(self, path: str, token_path: str) -> int:
        """Write the ids of a file to a token file and return how many they are."""
        from bpe import encode_file

        return encode_file(self._tokenizer, path, token_path, num_threads=self._threads).count


def train(path: str, vocab_size: int) -> list[bytes]:
    """Return the tokens that training on a file gives."""
    from bpe import train_bpe

    vocab, _merges = train_bpe(path, vocab_size, [SEPARATOR])
    return list(vocab.values())


def load_kernels() -> None:
    """Load (and compile, where need be) what the first use of `encode` and `train_bpe` would load.

    The text is a text of its own: what it teaches the caches of the tokenizer is thrown away with the tokenizer.
    """
    import tempfile
    import warnings

    from bpe import Tokenizer, train_bpe

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "text.txt")
        path.write_text(_KERNEL_TEXT, "utf-8")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the text has no more pairs to merge
            vocab, merges = train_bpe(path, 400, [SEPARATOR])
        tokenizer = Tokenizer(vocab, merges, [SEPARATOR])
        for threads in (1, None):
            tokenizer.encode_file_to_numpy(path, num_threads=threads)


def write_other_formats(files: dict[str, str], folder: str) -> dict[str, str]:
    """Write GPT-2's vocabulary in the formats that the peers load fastest, and return all files by format."""
    from bpe import Tokenizer

    tokenizer = Tokenizer.from_files(files["vocab"], files["merges"], [SEPARATOR])
    as_json, as_ranks = Path(folder, "gpt2.json"), Path(folder, "gpt2.tiktoken")
    tokenizer.save(as_json)
    special_ids = set(tokenizer.special_tokens.values())
    ranks = [(token_id, token) for token_id, token in sorted(tokenizer.vocab.items()) if token_id not in special_ids]
    as_ranks.write_bytes(b"".join(b64encode(token) + b" %d\n" % token_id for token_id, token in ranks))
    special_tokens = json.dumps(tokenizer.special_tokens)
    return {**files, "json": str(as_json), "tiktoken": str(as_ranks), "special_tokens": special_tokens}
