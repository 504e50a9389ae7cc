"""Encoding a text file into a token file."""

import os

from bpe.checks import check_input_path, check_num_threads, check_path
from bpe.parallel import available_cores
from bpe.progress import Progress
from bpe.special_tokens import SpecialTokens
from bpe.text_files import read_text
from bpe.token_files import TokenFileInfo, open_token_file_writer, read_token_file_info
from bpe.tokenizer import Tokenizer


def encode_file(
    tokenizer: Tokenizer,
    text_path: str | os.PathLike[str],
    token_path: str | os.PathLike[str],
    *,
    num_threads: int | None = None,
    progress: bool = False,
) -> TokenFileInfo:
    """Encode a UTF-8 text file into a token file. Memory does not grow with the size of the text.

    Args:
        tokenizer: the tokenizer that gives the ids.
        text_path: the text file.
        token_path: the token file to write; its description is written beside it.
        num_threads: the number of threads that share the work; None means one for each processor core. (The reference
            engine always uses one.)
        progress: whether to show the progress on standard error.

    Raises:
        TextFileError: the text is empty or not UTF-8.
        ValueError: a byte of the text is not in the vocabulary, or an argument is not what it should be.
        OSError: a file cannot be read or written.
    """
    if not isinstance(tokenizer, Tokenizer):
        raise ValueError(f"tokenizer is of type {type(tokenizer).__name__}: give a Tokenizer, as from Tokenizer.load")
    check_num_threads(num_threads)
    path = check_input_path(text_path, "text_path", "to encode a text, call tokenizer.encode(text)")
    token_path = check_path(token_path, "token_path", "the ids are written to this file")
    total = path.stat().st_size or None  # something other than a regular file, such as a pipe, has no known size
    encoder = tokenizer.compiled_for_file(path)
    with (
        Progress(path.name, total, shown=progress) as display,
        open_token_file_writer(token_path, tokenizer.vocab_size, tokenizer.fingerprint) as writer,
    ):
        if encoder is None:
            writer.write_stream(tokenizer.encode_iterable(display.watch(read_text(path))))
        else:
            specials = SpecialTokens(tuple(tokenizer.special_tokens))
            for run in encoder.file_runs(path, specials, num_threads or available_cores(), display.advance):
                writer.write_array(run)
        writer.text_bytes = display.done
    return read_token_file_info(token_path)
