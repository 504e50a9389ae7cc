"""Text files to token files."""

import os

from bpe.text_files import read_text
from bpe.token_files import TokenFileInfo, write_token_file
from bpe.tokenizer import Tokenizer


def encode_file(
    tokenizer: Tokenizer, text_path: str | os.PathLike[str], token_path: str | os.PathLike[str]
) -> TokenFileInfo:
    """Encode a UTF-8 text file into a token file, in memory that does not grow with its size.

    Raises:
        TextFileError: the text is empty or not UTF-8.
        ValueError: a byte of the text is not in the vocabulary.
        OSError: a file cannot be read or written.
    """
    ids = tokenizer.encode_iterable(read_text(text_path))
    return write_token_file(token_path, ids, tokenizer.vocab_size, tokenizer.fingerprint)
