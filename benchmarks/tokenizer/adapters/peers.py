"""The encoders of the other libraries.

Each loads GPT-2's vocabulary from the format that it reads fastest, and encodes a file in the way that is fastest for
it. A library that encodes documents gets the texts between `<|endoftext|>`; its ids then do not include those of the
separator, and `separator_ids` is false.

A library is imported when it is used: the start of the worker is part of what is measured.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.tokenizer import SEPARATOR

if TYPE_CHECKING:
    import numpy as np


class Peer:
    """A library whose result is an array of ids, without those of the separator."""

    separator_ids = False
    """Whether the ids include those of the separators."""

    @staticmethod
    def as_array(ids: Any) -> "np.ndarray":
        """Return the result of `encode_file` as one array."""
        array: np.ndarray = ids
        return array


class Gigatoken(Peer):
    """gigatoken on documents: the library reads, splits and encodes the file."""

    separator_ids = False

    def __init__(self, files: dict[str, str], threads: int | None) -> None:
        import gigatoken

        self._source = gigatoken.TextFileSource
        self._tokenizer = gigatoken.Tokenizer.from_tiktoken(
            files["tiktoken"], "gpt2", json.loads(files["special_tokens"])
        )
        self._parallel = threads != 1

    def encode_file(self, path: str) -> Any:
        """Return the ids of a file."""
        source = self._source([path], separator=SEPARATOR.encode())
        return self._tokenizer.encode_files(source, parallel=self._parallel)

    def encode_text(self, text: str) -> Any:
        """Return the ids of a text."""
        return self._tokenizer.encode(text)

    @staticmethod
    def as_array(ids: Any) -> "np.ndarray":
        """Concatenate the ids of the documents."""
        import awkward
        import numpy as np

        return np.asarray(awkward.flatten(ids))


class GigatokenBytes(Gigatoken):
    """gigatoken on the bytes of a file as one text: one thread, but no import of awkward."""

    separator_ids = True

    def encode_file(self, path: str) -> Any:
        """Return the ids of a file."""
        return self._tokenizer.encode(Path(path).read_bytes())

    @staticmethod
    def as_array(ids: Any) -> "np.ndarray":
        """Return the ids, which are one array already."""
        return Peer.as_array(ids)


class Tiktoken(Peer):
    """tiktoken: the whole text on one thread, or its documents in a thread pool; always into arrays."""

    def __init__(self, files: dict[str, str], threads: int | None) -> None:
        import tiktoken
        from tiktoken.load import load_tiktoken_bpe
        from tiktoken_ext.openai_public import r50k_pat_str

        self._encoding = tiktoken.Encoding(
            "gpt2",
            pat_str=r50k_pat_str,
            mergeable_ranks=load_tiktoken_bpe(files["tiktoken"]),
            special_tokens=json.loads(files["special_tokens"]),
        )
        self._threads = threads
        self.separator_ids = threads == 1

    def encode_file(self, path: str) -> Any:
        """Return the ids of a file."""
        text = _read(path)
        if self._threads == 1:
            return self._encoding.encode_to_numpy(text, allowed_special="all")
        from concurrent.futures import ThreadPoolExecutor

        import numpy as np

        def encode(document: str) -> "np.ndarray":
            return self._encoding.encode_to_numpy(document, disallowed_special=())

        with ThreadPoolExecutor(self._threads or _all_threads()) as pool:
            return np.concatenate(list(pool.map(encode, text.split(SEPARATOR))))

    def encode_text(self, text: str) -> Any:
        """Return the ids of a text."""
        return self._encoding.encode(text)


class Tokenizers(Peer):
    """tokenizers on documents, without offsets."""

    separator_ids = False

    def __init__(self, files: dict[str, str], threads: int | None) -> None:  # noqa: ARG002 - set in the environment
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(files["json"])

    def encode_file(self, path: str) -> Any:
        """Return the ids of a file."""
        import numpy as np

        encodings = self._tokenizer.encode_batch_fast(_read(path).split(SEPARATOR), add_special_tokens=False)
        return np.concatenate([np.asarray(encoding.ids, np.uint32) for encoding in encodings])

    def encode_text(self, text: str) -> Any:
        """Return the ids of a text."""
        return self._tokenizer.encode(text).ids


class Fastokens(Peer):
    """fastokens on documents, into one flat buffer."""

    separator_ids = False

    def __init__(self, files: dict[str, str], threads: int | None) -> None:  # noqa: ARG002 - set in the environment
        from fastokens import Tokenizer

        self._tokenizer = Tokenizer.from_file(files["json"])

    def encode_file(self, path: str) -> Any:
        """Return the ids of a file."""
        import numpy as np

        ids, _offsets = self._tokenizer.encode_batch_flat(_read(path).split(SEPARATOR))
        return np.frombuffer(ids, np.uint32)

    def encode_text(self, text: str) -> Any:
        """Return the ids of a text."""
        return self._tokenizer.encode(text).ids


def _read(path: str) -> str:
    """Return the text of a file, with its line ends unchanged."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        return file.read()


def _all_threads() -> int:
    import os

    return os.cpu_count() or 1
