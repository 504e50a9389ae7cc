"""Fetching the files of a corpus from the Hugging Face hub into its client's cache.

The client (`huggingface_hub`) finds the file, follows redirects, proxies and tokens, retries and shows the progress.
Since version 2 it starts a download again from the first byte when the program was ended, so here the bytes are kept in
`blobs/CHECKSUM.part` of the cache and continued. What is complete is verified by its SHA-256 and becomes a blob of the
cache like any other.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from preparation.checksums import is_sha256, sha256_of
from preparation.corpora import Corpus
from preparation.errors import DataNotFoundError, PreparationError
from preparation.hub_settings import cached_files, commit_of, endpoint, is_offline, repository_cache
from preparation.reachability import why_unreachable

if TYPE_CHECKING:
    from huggingface_hub.file_download import HfFileMetadata

AGAIN = "run the same command again: it continues where it stopped"


@dataclass(frozen=True)
class FetchedFile:
    """A file of a data set, in the client's cache."""

    name: str
    """Its name in the data set."""
    path: Path
    """Where it is."""
    sha256: str | None
    """Its verified checksum; None if the hub has none for it."""


@dataclass(frozen=True)
class FetchedFiles:
    """The files of a corpus."""

    train: tuple[FetchedFile, ...]
    """The training files, in order."""
    valid: tuple[FetchedFile, ...]
    """The validation files."""


def require_files(corpus: Corpus, max_bytes: int | None, *, offline: bool) -> None:
    """Make sure, within a second, that the files of a corpus are in the cache or can be asked for.

    Raises:
        DataNotFoundError: files are missing, and no request is allowed or the hub cannot be reached.
    """
    cached = cached_files(corpus)
    try:
        _choose(corpus, max_bytes, lambda name: FetchedFile(name, cached[name], None))
    except KeyError:
        _require_hub(corpus, offline=offline or is_offline())


def fetch(corpus: Corpus, max_bytes: int | None, *, say: Callable[[str], None]) -> FetchedFiles:
    """Return the files of a corpus, verified, after fetching those that are not in the cache.

    Args:
        corpus: the corpus.
        max_bytes: how many bytes of training text are wanted: no more training files are fetched when they have so many
            bytes together; None for all.
        say: called with lines that say what happens.

    Raises:
        PreparationError: the hub does not have a file or refuses it, or what came is not what it should be.
        OSError: the cache cannot be written.
    """
    cached = cached_files(corpus)
    commit = "main"  # until it is known; then all files are of one commit, whatever happens to the branch meanwhile

    def get(name: str) -> FetchedFile:
        nonlocal commit
        if name in cached:
            say(f"fetch: {name} is in the cache, verifying it")
            file = _verified(name, cached[name])
        else:
            say(f"fetch: {name} from {endpoint()}/datasets/{corpus.repository}")
            file = _download(corpus, name, commit)
        commit = commit_of(file.name, file.path)
        return file

    return _choose(corpus, max_bytes, get)


def _choose(corpus: Corpus, max_bytes: int | None, get: Callable[[str], FetchedFile]) -> FetchedFiles:
    """Get the validation files, and the training files until they have enough bytes."""
    valid = tuple(map(get, corpus.valid_files))
    train: list[FetchedFile] = []
    size = 0
    for name in corpus.train_files:
        if max_bytes is not None and size >= max_bytes:
            break
        train.append(get(name))
        size += train[-1].path.stat().st_size
    return FetchedFiles(tuple(train), valid)


def _require_hub(corpus: Corpus, *, offline: bool) -> None:
    reason = "no request is allowed (offline)" if offline else why_unreachable(endpoint())
    if reason is not None:
        why = reason if offline else f"{endpoint()} cannot be reached ({reason})"
        raise DataNotFoundError(
            f"no data: {corpus.title} is neither in data/{corpus.name} nor in the cache {repository_cache(corpus)}, "
            f"and {why}: where there is a network, fetch it with `uv run apps/prepare_data.py {corpus.name}` and copy "
            f"data/{corpus.name} here; without one, prepare any text with `uv run apps/prepare_data.py PATH…`, or "
            "train on text with --data.train_text PATH --data.valid_text PATH"
        )


def _verified(name: str, path: Path) -> FetchedFile:
    """Check a file of the cache against the checksum in the name of its blob."""
    blob = path.resolve()
    expected = blob.name if is_sha256(blob.name) else None
    if expected is not None and sha256_of(blob, f"verifying {path.name}") != expected:
        path.unlink()
        blob.unlink(missing_ok=True)
        raise PreparationError(f"{name} in the cache does not have its checksum and was removed: {AGAIN}")
    return FetchedFile(name, path, expected)


def _download(corpus: Corpus, name: str, commit: str) -> FetchedFile:
    """Fetch a file, or the rest of it, verify it and put it into the cache."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # the package loads it lazily

    address = endpoint()
    with _readable_errors(corpus, name):
        url = hf_hub_url(corpus.repository, name, repo_type="dataset", revision=commit, endpoint=address)
        headers = build_hf_headers()
        found = get_hf_file_metadata(url, headers=headers, endpoint=address)
        if found.commit_hash is None or found.etag is None:
            raise PreparationError(
                f"{url} was not answered by a hub but by something else, such as the page of a proxy: check "
                "HF_ENDPOINT, the proxy settings and whether this network requires a login"
            )
        blobs = repository_cache(corpus) / "blobs"
        blobs.mkdir(parents=True, exist_ok=True)
        blob = blobs / found.etag
        is_new = not blob.is_file()
        if is_new:
            _download_blob(url, found, headers, blob, name)
        link = hf_hub_download(  # makes the link from the snapshot to the blob
            corpus.repository,
            name,
            repo_type="dataset",
            revision=found.commit_hash if commit != "main" else "main",
            endpoint=address,
            cache_dir=repository_cache(corpus).parent,
        )
    if is_new:
        return FetchedFile(name, Path(link), blob.name if is_sha256(blob.name) else None)
    return _verified(name, Path(link))


def _download_blob(url: str, found: "HfFileMetadata", headers: dict[str, str], blob: Path, name: str) -> None:
    """Download into a file that is continued if it is there, and that gets the name of the blob when it is complete."""
    from huggingface_hub.file_download import http_get

    part = blob.with_name(f"{blob.name}.part")
    try:
        with part.open("ab") as file:
            _lock(file.fileno(), part)
            done = file.tell()
            if found.size is not None:
                _require_space(part.parent, found.size - done)
            http_get(
                url,
                file,
                resume_size=done,
                headers=dict(headers),
                expected_size=found.size,
                displayed_filename=Path(name).name,
            )
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if error.errno is not None:  # such as a full disk: what came so far is right
            raise OSError(error.errno, f"{os.strerror(error.errno)}: free some space; {AGAIN}", str(part)) from None
        if type(error) is OSError:  # the client's report of a wrong size
            part.unlink()
            raise PreparationError(
                f"{name}: what was sent is not the file, which has {found.size} bytes; it may be the page of a proxy. "
                "Nothing of it was kept: check the proxy settings and run the same command again"
            ) from None
        raise
    if is_sha256(blob.name) and sha256_of(part, f"verifying {Path(name).name}") != blob.name:
        part.unlink()
        raise PreparationError(
            f"{name}: what was sent does not have the checksum {blob.name[:12]}… that the hub states and was removed: "
            "run the same command again to fetch it again"
        )
    part.replace(blob)


def _lock(descriptor: int, part: Path) -> None:
    """Make sure that no other process writes to the same file."""
    if sys.platform == "win32":
        return
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise PreparationError(f"another process is fetching {part}: wait for it, then {AGAIN}") from None


def _require_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise PreparationError(
            f"{folder} has {free / 1e9:.1f} GB free, but {needed / 1e9:.1f} GB are needed: free some space, or set "
            "HF_HOME to a folder on a larger disk"
        )


@contextmanager
def _readable_errors(corpus: Corpus, name: str) -> Iterator[None]:
    """Replace the errors of the client by sentences about this file."""
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    page = f"{endpoint()}/datasets/{corpus.repository}"
    try:
        yield
    except GatedRepoError:
        raise PreparationError(
            f"{page} is gated: accept its terms there, and set HF_TOKEN to a token of yours"
        ) from None
    except RepositoryNotFoundError:
        raise PreparationError(
            f"{page} does not exist, or needs a login: check HF_ENDPOINT, and set HF_TOKEN if it is private"
        ) from None
    except LocalEntryNotFoundError as error:
        raise PreparationError(f"{name} could not be fetched ({_reason(error.__cause__ or error)}): {AGAIN}") from error
    except EntryNotFoundError:
        raise PreparationError(f"{page} has no file {name}: it was changed, so give the text as PATH instead") from None
    except HfHubHTTPError as error:
        status = error.response.status_code
        advice = {
            401: "set HF_TOKEN to a valid token",
            403: "the hub or a proxy refuses it: set HF_TOKEN, or check the proxy settings",
            407: "the proxy requires a login: put it into HTTPS_PROXY as http://NAME:PASSWORD@HOST:PORT",
        }.get(status, f"try again later; {AGAIN}")
        reason = f"{status} {error.response.reason_phrase}".strip()
        raise PreparationError(f"{name} could not be fetched: {endpoint()} answered {reason}; {advice}") from error
    except (PreparationError, DataNotFoundError):
        raise
    except OSError as error:
        if error.errno is not None and error.filename is not None:
            raise
        raise PreparationError(f"{name} could not be fetched ({_reason(error)}): {AGAIN}") from error
    except Exception as error:
        if not type(error).__module__.startswith("httpx"):
            raise
        raise PreparationError(f"{name} could not be fetched ({_reason(error)}): {AGAIN}") from error


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
