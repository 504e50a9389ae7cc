"""Reading a chunk of a file at any offset, from any thread."""

import os

from bpe.text_files import TextFileError, utf8_error

_MORE_BYTES = 3


def read_chunk(descriptor: int, buffer: memoryview, offset: int, path: str | os.PathLike[str]) -> None:
    """Fill `buffer` with the bytes of an open file from `offset` on; errors call the file `path`.

    Raises:
        TextFileError: the file ends before the buffer is full.
        OSError: the file cannot be read.
    """
    done = 0
    while done < len(buffer):
        count = os.preadv(descriptor, [buffer[done:]], offset + done)
        if count == 0:
            raise TextFileError(
                f"{path} ends at offset {offset + done}, earlier than at first: leave it alone and retry"
            )
        done += count


def chunk_error(descriptor: int, num_bytes: int, offset: int, path: str | os.PathLike[str]) -> TextFileError:
    """Return the error for a chunk of an open file that is not UTF-8.

    It is looked at with what follows, where it shows whether a character is cut short or wrong.
    """
    return utf8_error(path, os.pread(descriptor, num_bytes + _MORE_BYTES, offset), offset)
