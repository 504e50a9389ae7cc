"""Reading a chunk of a file at any offset, from any thread."""

import os

from bpe.text_files import TextFileError, utf8_error

_MORE_BYTES = 3


def read_chunk(descriptor: int, buffer: memoryview, offset: int, path: str | os.PathLike[str]) -> None:
    """Fill `buffer` with the bytes of an open file from `offset` on.

    Args:
        descriptor: the open file.
        buffer: where to write.
        offset: the first byte to read.
        path: the name of the file in errors.

    Raises:
        TextFileError: the file ends before the buffer is full.
        OSError: the file cannot be read.
    """
    done = 0
    while done < len(buffer):
        count = os.preadv(descriptor, [buffer[done:]], offset + done)
        if count == 0:
            raise TextFileError(
                f"{path} ends at offset {offset + done}, although it was longer when reading began: do not change the "
                "file while it is read, and try again"
            )
        done += count


def chunk_error(descriptor: int, num_bytes: int, offset: int, path: str | os.PathLike[str]) -> TextFileError:
    """Return the error for a chunk of an open file that is not UTF-8.

    It is decoded together with the bytes that follow, which show whether a character is cut short or invalid.
    """
    return utf8_error(path, os.pread(descriptor, num_bytes + _MORE_BYTES, offset), offset)
