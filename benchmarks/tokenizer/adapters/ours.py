"""`bpe`, the tokenizer under test."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.tokenizer import SEPARATOR

if TYPE_CHECKING:
    import numpy as np

_KERNEL_TEXT = "Low lower lowest: 3 naïve 'tests' aren't enough, 試験は難しい 🙂!\n\n  " * 4_000


class Ours:
    """`Tokenizer.encode_file_to_numpy`, which maps the file into memory and returns one array."""

    separator_ids = True

    def __init__(self, files: dict[str, str], threads: int | None) -> None:
        """Load GPT-2's vocabulary; `threads` is None for all."""
        from bpe import Tokenizer

        self._tokenizer = Tokenizer.from_files(files["vocab"], files["merges"], [SEPARATOR])
        self._threads = threads

    def prepare(self) -> None:
        """Build the tables that the peers build when they load a vocabulary, and ours before the first large text."""
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
        """Return the result of `encode_file` as one array."""
        array: np.ndarray = ids
        return array

    def encode_to_token_file(self, path: str, token_path: str) -> int:
        """Write the ids of a file to a token file and return their number."""
        from bpe import encode_file

        return encode_file(self._tokenizer, path, token_path, num_threads=self._threads).count


def train(path: str, vocab_size: int) -> list[bytes]:
    """Return the tokens that training on a file gives."""
    from bpe import train_bpe

    vocab, _merges = train_bpe(path, vocab_size, [SEPARATOR])
    return list(vocab.values())


def load_kernels() -> None:
    """Load (and compile, if necessary) what the first use of `encode` and `train_bpe` would load.

    The text and the tokenizer are used for nothing else, so that the tokenizer that is measured has empty caches.
    """
    import tempfile
    import warnings

    from bpe import Tokenizer, train_bpe

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "text.txt")
        path.write_text(_KERNEL_TEXT, "utf-8")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the text has fewer pairs to merge than the vocabulary has room for
            vocab, merges = train_bpe(path, 400, [SEPARATOR])
        tokenizer = Tokenizer(vocab, merges, [SEPARATOR])
        for threads in (1, None):
            tokenizer.encode_file_to_numpy(path, num_threads=threads)
