"""Files of complete tokenizers: their format is recognized by the name, and that of JSON by its content."""

from pathlib import Path

from bpe.checks import check_path
from bpe.formats.parts import TokenizerFileError, TokenizerParts
from bpe.formats.reading import FilePath, read_json
from bpe.formats.tokenizer_json import tokenizer_from_json

COMPLETE_FILES = ("tokenizer.json", "tekken.json", "tokenizer.model", "tokenizer.bin")
"""The files of a complete tokenizer in a folder. If there are several, the first one is read."""


def read_tokenizer_file(path: FilePath) -> TokenizerParts:
    """Read a tokenizer in any format that contains everything, or the one in a folder.

    A name that ends in `.model` is that of a SentencePiece model, one that ends in `.bin` is llama2.c's; all others are
    JSON.

    Raises:
        TokenizerFileError: as for the function that reads the format; or a folder contains none of `COMPLETE_FILES`.
        OSError: the file cannot be read.
    """
    file = complete_file(Path(check_path(path, "path", "tokenizers are read from files")))
    if file is None:
        raise TokenizerFileError(
            f"{path} is a folder with none of {', '.join(COMPLETE_FILES)}: give the path of a file"
        )
    if file.suffix == ".model":
        from bpe.formats.sentencepiece_model import read_sentencepiece

        return read_sentencepiece(file)
    if file.suffix == ".bin":
        from bpe.formats.llama2c_file import read_llama2c

        return read_llama2c(file)
    content = read_json(file)
    if isinstance(content, dict) and "model" not in content and {"config", "vocab"} <= content.keys():
        from bpe.formats.tekken import tekken_from_json

        return tekken_from_json(content, file)
    return tokenizer_from_json(content, file)


def complete_file(path: Path) -> Path | None:
    """Return the file of a complete tokenizer in a folder, None if there is none; a path of a file as it is."""
    if not path.is_dir():
        return path
    return next((path / name for name in COMPLETE_FILES if (path / name).is_file()), None)
