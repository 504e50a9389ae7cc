"""The peers' encoders, each at its best, in the shape that all libraries are measured in.

A library loads GPT-2's vocabulary from the format that it reads fastest, and takes a file to ids in the way that is
fastest for it. Where it works on documents they are what stands between `<|endoftext|>`; the separator then has no
id in what comes out, which `separator_ids` tells.

Nothing is imported before a library is asked for: the worker's own start is part of what is measured.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

SEPARATOR = "<|endoftext|>"


class Peer:
    """What the peers have in common: ids that are an array, without those of the separator."""

    separator_ids = False
    """Whether the separators' ids are among the ids."""

    @staticmethod
    def as_array(ids: Any) -> "np.ndarray":
        """Return what `encode_file` gave as one array."""
        array: np.ndarray = ids
        return array


class Gigatoken(Peer):
    """gigatoken over documents: the library reads, splits and encodes the file itself."""

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
        """Join the documents' ids."""
        import awkward
        import numpy as np

        return np.asarray(awkward.flatten(ids))


class GigatokenBytes(Gigatoken):
    """gigatoken over a file's bytes as one text: one thread, but no import of awkward."""

    separator_ids = True

    def encode_file(self, path: str) -> Any:
        """Return the ids of a file."""
        return self._tokenizer.encode(Path(path).read_bytes())

    @staticmethod
    def as_array(ids: Any) -> "np.ndarray":
        """Return the ids, which are one array here."""
        return Peer.as_array(ids)


class Tiktoken(Peer):
    """tiktoken: the text as a whole on one thread, its documents on a pool of threads; always into arrays."""

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
    """tokenizers over the documents, without offsets."""

    separator_ids = False

    def __init__(self, files: dict[str, str], threads: int | None) -> None:  # noqa: ARG002 - the environment says it
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
    """fastokens over the documents, into one flat buffer."""

    separator_ids = False

    def __init__(self, files: dict[str, str], threads: int | None) -> None:  # noqa: ARG002 - the environment says it
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
    """Return a file's text, line ends untouched."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        return file.read()


def _all_threads() -> int:
    import os

    return os.cpu_count() or 1
