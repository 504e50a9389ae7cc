"""Text files to token files."""

import os
from pathlib import Path

from bpe.checks import check_num_threads
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
    """Encode a UTF-8 text file into a token file, in memory that does not grow with its size.

    Args:
        tokenizer: what gives the ids.
        text_path: the text file.
        token_path: the token file to write; its description appears beside it.
        num_threads: how many threads may share the work; None means all processor cores. (Plain Python can't share
            it: the textbook engine uses one.)
        progress: whether to show on standard error how far the work is.

    Raises:
        TextFileError: the text is empty or not UTF-8.
        ValueError: a byte of the text is not in the vocabulary, or `num_threads` is not positive.
        OSError: a file cannot be read or written.
    """
    check_num_threads(num_threads)
    path = Path(text_path)
    total = path.stat().st_size or None  # what is no regular file, such as a pipe, has no size to tell
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
