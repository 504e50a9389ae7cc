"""Encoding a corpus of many files, each into a shard: a token file that is written once, by any process.

`encode_shard` is the unit of work for an engine that runs tasks on several machines, such as Ray, or an array of Slurm
jobs. `NAME.bin` and its description are those of `encode_file`; a record beside them, `NAME.bin.shard.json`, is written
last. A shard counts as finished only with its record, which has the hashes of the source and of the ids. So a task can
be killed at any moment and started again: what is finished is not encoded twice, and what is not is encoded again.
"""

import hashlib
import json
import os
import stat
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from bpe.checks import check_input_path, check_path
from bpe.corpus import check_tokenizer, encode_file
from bpe.document_files import DEFAULT_COLUMN, file_format
from bpe.input_files import TextFileError
from bpe.text_files import whole_file
from bpe.token_files import TokenFileError, TokenFileInfo, read_token_file_info
from bpe.tokenizer import Tokenizer

SHARD_ENDING = ".bin"
_RECORD_ENDING = ".shard.json"
_SHA256_DIGITS = 64


@dataclass(frozen=True)
class ShardInfo:
    """A finished shard: what it was made from, and what it contains."""

    name: str
    """The path of its token file in the folder of shards, with `/` between folders."""
    tokens: TokenFileInfo
    """The description of its token file."""
    source_bytes: int
    """Size of the source in bytes."""
    source_sha256: str
    """SHA-256 of the source, in hexadecimal digits."""
    ids_sha256: str
    """SHA-256 of the token file, in hexadecimal digits."""

    def __post_init__(self) -> None:
        """Check the types, because the record may have been edited."""
        hashes = (self.source_sha256, self.ids_sha256)
        if type(self.source_bytes) is not int or not all(map(is_sha256, hashes)):
            raise TokenFileError(f"{self} does not describe a shard")


def shard_name(source: str | os.PathLike[str], root: str | os.PathLike[str] | None = None) -> str:
    """Return the name of the shard of a source.

    Args:
        source: a file of the corpus.
        root: a folder that contains it. The name is then the path below that folder, so that files of the same name in
            different folders become different shards; by default the name is that of the file.

    Raises:
        ValueError: the source is not below `root`.

    >>> shard_name("texts/2013/000.txt"), shard_name("texts/2013/000.txt", "texts")
    ('000.txt.bin', '2013/000.txt.bin')
    """
    path = Path(source)
    if root is None:
        return path.name + SHARD_ENDING
    try:
        return path.absolute().relative_to(Path(root).absolute()).as_posix() + SHARD_ENDING
    except ValueError:
        raise ValueError(f"{path} is not in the folder {root}: give a folder that contains all files") from None


def encode_shard(
    tokenizer: Tokenizer,
    source: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    name: str | None = None,
    column: str = DEFAULT_COLUMN,
    separator: str | None = None,
    num_threads: int | None = 1,
) -> ShardInfo:
    """Encode one file of a corpus into a shard, unless that is done already.

    A finished shard is returned without encoding if its source has the same content, and tokenizer, column and
    separator are the same. The source is read for its hash, since size and time of a file say little about its content.

    Args:
        tokenizer: the tokenizer that gives the ids.
        source: the file: UTF-8 text, JSON lines or parquet, as for `encode_file`.
        folder: the folder of shards, which exists.
        name: the path of the token file in the folder, with `/` between folders; by default
            `shard_name(source)`.
        column: the field or column with the text, for JSON lines and parquet.
        separator: the special token that follows each document of JSON lines and parquet, which require it, and each
            text file that does not end with it; "" for nothing. With None a text file is encoded as it is, so that the
            first document of the next shard follows the last one of this shard without a border.
        num_threads: the number of threads that encode; None means one for each processor core. The default is one, for
            engines that run a task on each core.

    Raises:
        TextFileError: the text is empty or not UTF-8, the file is damaged or has no such column, or it changed while it
            was encoded.
        ValueError: a byte of the text is not in the vocabulary, the separator is missing or not a special token, or an
            argument is not what it should be.
        OSError: a file cannot be read or written.
    """
    check_tokenizer(tokenizer)
    path = check_input_path(source, "source", "to encode a text, call tokenizer.encode(text)")
    folder = check_folder(folder)
    name = shard_name(path) if name is None else check_shard_name(name)
    before = _regular_file(path)
    sha256 = file_sha256(path)
    done = finished_shard(folder, name)
    used_column = None if file_format(path) == "text" else column
    if done is not None and _made_from(done) == (sha256, tokenizer.fingerprint, used_column, separator):
        return done

    token_path = folder / name
    token_path.parent.mkdir(parents=True, exist_ok=True)
    _record_path(folder, name).unlink(missing_ok=True)  # from here on the shard is not finished
    tokens = encode_file(tokenizer, path, token_path, column=column, separator=separator, num_threads=num_threads)
    after = _regular_file(path)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise TextFileError(f"{path} changed while it was encoded: do not change it meanwhile, and try again")
    shard = ShardInfo(name, tokens, before.st_size, sha256, file_sha256(token_path))
    _write_record(folder, shard)
    return shard


def finished_shard(folder: Path, name: str) -> ShardInfo | None:
    """Return a finished shard; None if a file of it is missing, damaged, or from another attempt to encode it.

    The size of the token file is compared, its ids are not read.

    Raises:
        OSError: a file cannot be read.
    """
    try:
        content: dict[str, Any] = json.loads(_record_path(folder, name).read_text("utf-8"))
        shard = ShardInfo(name=name, tokens=TokenFileInfo(**content.pop("tokens")), **content)
        return shard if read_token_file_info(folder / name) == shard.tokens else None
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_sha256(value: object) -> bool:
    """Return whether a value is a SHA-256 in hexadecimal digits."""
    return isinstance(value, str) and len(value) == _SHA256_DIGITS and set(value) <= set("0123456789abcdef")


def check_folder(folder: object) -> Path:
    """Return a folder of shards as a `Path`.

    Raises:
        ValueError: it is not a path.
        OSError: it does not exist, or is a file.
    """
    path = check_input_path(folder, "folder", "create the folder for the shards first")
    if not path.is_dir():
        raise NotADirectoryError(f"{path} is not a folder: give the folder for the shards")
    return path


def check_shard_name(name: str) -> str:
    """Return the name of a shard, if it can only be a file inside the folder of shards.

    Raises:
        ValueError: it leads out of the folder, or has another ending than `.bin`.
    """
    check_path(name, "the name of a shard", "it is the name of a file")
    parts = PurePosixPath(name).parts
    if name != "/".join(parts) or ".." in parts or name.startswith("/") or not name.endswith(SHARD_ENDING):
        raise ValueError(f"the name of a shard is {name!r}: give a path in the folder, such as part/000.txt.bin")
    return name


def _made_from(shard: ShardInfo) -> tuple[str, str | None, str | None, str | None]:
    """Return what determines the ids of a shard: hashes of source and tokenizer, column and separator."""
    return shard.source_sha256, shard.tokens.tokenizer_sha256, shard.tokens.column, shard.tokens.separator


def _regular_file(path: Path) -> os.stat_result:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"{path} is not a regular file: give a file, which can be read again")
    return status


def _record_path(folder: Path, name: str) -> Path:
    return folder / f"{name}{_RECORD_ENDING}"


def _write_record(folder: Path, shard: ShardInfo) -> None:
    content = asdict(shard) | {"tokens": shard.tokens.as_json()}
    del content["name"]
    with whole_file(_record_path(folder, shard.name)) as file:
        file.write((json.dumps(content, indent=2) + "\n").encode())
