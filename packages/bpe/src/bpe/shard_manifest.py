"""The manifest of a folder of shards, `shards.json`: which token files, in which order, are one data set.

It has what a program needs to read the shards as if they were one token file, and to verify each of them: name, number
of ids and SHA-256, and what a description of a token file has, for all shards together.
"""

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bpe.checks import check_input_path
from bpe.shards import (
    SHARD_ENDING,
    ShardInfo,
    check_folder,
    check_shard_name,
    file_sha256,
    finished_shard,
    is_sha256,
)
from bpe.text_files import whole_file
from bpe.token_files import TokenFileError, TokenFileInfo, read_token_file_info

MANIFEST_NAME = "shards.json"
_VERSION = 1
_NAMED = 5  # shards that an error names; a corpus may have thousands


@dataclass(frozen=True)
class ManifestEntry:
    """One shard of a manifest."""

    name: str
    """The path of the token file, relative to the folder of the manifest, with `/` between folders."""
    count: int
    """Number of ids."""
    text_bytes: int | None
    """Bytes of UTF-8 text that was encoded, if known."""
    sha256: str
    """SHA-256 of the token file, in hexadecimal digits."""

    def __post_init__(self) -> None:
        """Check the types, because the manifest may have been edited."""
        check_shard_name(self.name)
        if type(self.count) is not int or not is_sha256(self.sha256):
            raise TokenFileError(f"{self} does not describe a shard")


@dataclass(frozen=True)
class ShardManifest:
    """The content of a manifest."""

    info: TokenFileInfo
    """The description of the ids of all shards together, as of one token file."""
    shards: tuple[ManifestEntry, ...]
    """The shards in their order."""


def write_shard_manifest(
    folder: str | os.PathLike[str], names: Iterable[str] | None = None, *, verify: bool = False
) -> ShardManifest:
    """Write the manifest `shards.json` of finished shards into their folder.

    Args:
        folder: the folder of shards.
        names: the names of all shards, in the order in which they are to be read, such as `shard_name` of each source.
            So a shard that was never begun is noticed. By default all shards in the folder, sorted by name.
        verify: read the ids of all shards, and compare them with the hashes from when they were written.

    Raises:
        TokenFileError: a shard is missing, incomplete or damaged, or the shards were encoded differently; the message
            names them.
        ValueError: there are no shards, or a name is given twice or cannot be the name of a shard.
        OSError: a file cannot be read or written.
    """
    folder = check_folder(folder)
    names = _names_in(folder) if names is None else _checked_names(names)
    if not names:
        raise ValueError(f"there are no shards in {folder}: encode some files with encode_shard first")
    found = {name: finished_shard(folder, name) for name in names}
    if unfinished := [name for name, shard in found.items() if shard is None]:
        raise TokenFileError(
            f"{len(unfinished)} of {len(names)} shards in {folder} are missing or incomplete: {_listed(unfinished)}; "
            "encode their sources with encode_shard"
        )
    shards = [shard for shard in found.values() if shard is not None]
    _check_encoded_alike(shards)
    if verify and (damaged := [shard.name for shard in shards if file_sha256(folder / shard.name) != shard.ids_sha256]):
        raise TokenFileError(
            f"{len(damaged)} of {len(names)} shards in {folder} have changed since they were written: "
            f"{_listed(damaged)}; remove them and encode their sources again"
        )
    manifest = ShardManifest(
        _total([shard.tokens for shard in shards]),
        tuple(
            ManifestEntry(shard.name, shard.tokens.count, shard.tokens.text_bytes, shard.ids_sha256) for shard in shards
        ),
    )
    content = {"version": _VERSION, **manifest.info.as_json(), "shards": [asdict(entry) for entry in manifest.shards]}
    with whole_file(folder / MANIFEST_NAME) as file:
        file.write((json.dumps(content, indent=1) + "\n").encode())
    return manifest


def read_shard_manifest(path: str | os.PathLike[str]) -> ShardManifest:
    """Read a manifest. Its shards are not opened.

    Raises:
        TokenFileError: the file is damaged, or written by a later version of this package.
        ValueError: `path` is not a path.
        OSError: the file cannot be read.
    """
    path = check_input_path(path, "path", "write a manifest with write_shard_manifest")
    try:
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
        version, entries = content.pop("version"), content.pop("shards")
        if version != _VERSION:
            raise TokenFileError(f"its version is {version!r}, but this package reads version {_VERSION}")
        manifest = ShardManifest(TokenFileInfo(**content), tuple(ManifestEntry(**entry) for entry in entries))
        if not manifest.shards or manifest.info.count != sum(entry.count for entry in manifest.shards):
            raise TokenFileError("its counts disagree")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise TokenFileError(
            f"{path} is not a manifest of shards: {error!r}; write it again with write_shard_manifest"
        ) from None
    return manifest


def describe_tokens(path: str | os.PathLike[str]) -> TokenFileInfo:
    """Return the description of a token file, or that of all shards together if `path` is a manifest (`.json`).

    Raises:
        TokenFileError: a file is missing or damaged.
        OSError: a file cannot be read.
    """
    return read_shard_manifest(path).info if Path(path).suffix == ".json" else read_token_file_info(path)


def _names_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob(f"*{SHARD_ENDING}"))


def _checked_names(names: Iterable[str]) -> list[str]:
    checked = [check_shard_name(name) for name in names]
    if twice := [name for name, times in Counter(checked).items() if times > 1]:
        raise ValueError(f"names contains {_listed(twice)} twice: give each shard once")
    return checked


def _check_encoded_alike(shards: Sequence[ShardInfo]) -> None:
    """Refuse shards that cannot be one data set.

    Raises:
        TokenFileError: their tokenizers or separators differ.
    """
    first = shards[0]
    for shard in shards[1:]:
        if shard.tokens.tokenizer_sha256 != first.tokens.tokenizer_sha256:
            raise TokenFileError(
                f"{first.name} was encoded with the tokenizer {_start(first)}, but {shard.name} with {_start(shard)}: "
                "encode all files with the same one"
            )
        if shard.tokens.separator != first.tokens.separator:
            raise TokenFileError(
                f"{first.name} was encoded with the separator {first.tokens.separator!r}, but {shard.name} with "
                f"{shard.tokens.separator!r}: encode all files with the same one"
            )


def _start(shard: ShardInfo) -> str:
    return f"{(shard.tokens.tokenizer_sha256 or 'unknown')[:12]}…"


def _total(infos: Sequence[TokenFileInfo]) -> TokenFileInfo:
    """Return the description of several token files of one tokenizer together."""
    sizes = [info.text_bytes for info in infos]
    known = [size for size in sizes if size is not None]
    columns = {info.column for info in infos}
    return TokenFileInfo(
        dtype=infos[0].dtype,
        count=sum(info.count for info in infos),
        vocab_size=infos[0].vocab_size,
        tokenizer_sha256=infos[0].tokenizer_sha256,
        text_bytes=sum(known) if len(known) == len(sizes) else None,
        column=columns.pop() if len(columns) == 1 else None,
        separator=infos[0].separator,
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
