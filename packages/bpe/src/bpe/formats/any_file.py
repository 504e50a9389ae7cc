"""Files of complete tokenizers: their format is recognized by the name, and that of JSON by its content."""

import os
from typing import Literal

from bpe.formats.parts import TokenizerParts
from bpe.formats.reading import FilePath, read_json
from bpe.formats.tokenizer_json import tokenizer_from_json
from bpe.garbage import collector_paused

FileKind = Literal["sentencepiece", "llama2c", "tekken"]
_KINDS: dict[str, FileKind] = {".model": "sentencepiece", ".bin": "llama2c"}


def read_tokenizer_file(file: FilePath, kind: FileKind | None = None) -> TokenizerParts:
    """Read a tokenizer in any format that contains everything.

    Args:
        file: the file.
        kind: its format. By default a name that ends in `.model` is that of a SentencePiece model, one that ends in
            `.bin` is llama2.c's; all others are JSON.

    Raises:
        TokenizerFileError: as for the function that reads the format.
        OSError: the file cannot be read.
    """
    kind = kind or _KINDS.get(os.path.splitext(os.fspath(file))[1])  # noqa: PTH122 (a path may have been read already)
    if kind == "sentencepiece":
        from bpe.formats.sentencepiece_model import read_sentencepiece

        return read_sentencepiece(file)
    if kind == "llama2c":
        from bpe.formats.llama2c_file import read_llama2c

        return read_llama2c(file)
    with collector_paused():
        content = read_json(file)
        is_tekken = isinstance(content, dict) and "model" not in content and {"config", "vocab"} <= content.keys()
        if kind == "tekken" or is_tekken:
            from bpe.formats.tekken import tekken_from_json

            return tekken_from_json(content, file)
        return tokenizer_from_json(content, file)
