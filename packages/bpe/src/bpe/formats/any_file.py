"""Files of complete tokenizers: their format is recognized by the name, and that of JSON by its content."""

import os

from bpe.formats.parts import TokenizerParts
from bpe.formats.reading import FilePath, read_json
from bpe.formats.tokenizer_json import tokenizer_from_json
from bpe.garbage import collector_paused


def read_tokenizer_file(file: FilePath) -> TokenizerParts:
    """Read a tokenizer in any format that contains everything.

    A name that ends in `.model` is that of a SentencePiece model, one that ends in `.bin` is llama2.c's; all others are
    JSON.

    Raises:
        TokenizerFileError: as for the function that reads the format.
        OSError: the file cannot be read.
    """
    name = os.fspath(file)
    if name.endswith(".model"):
        from bpe.formats.sentencepiece_model import read_sentencepiece

        return read_sentencepiece(file)
    if name.endswith(".bin"):
        from bpe.formats.llama2c_file import read_llama2c

        return read_llama2c(file)
    with collector_paused():
        content = read_json(file)
        if isinstance(content, dict) and "model" not in content and {"config", "vocab"} <= content.keys():
            from bpe.formats.tekken import tekken_from_json

            return tekken_from_json(content, file)
        return tokenizer_from_json(content, file)
