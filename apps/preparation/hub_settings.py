"""The settings of the hub's client that are needed before it is imported, which takes a second.

They are read from the environment variables that the client reads: HF_ENDPOINT, HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE,
HF_HUB_ETAG_TIMEOUT. The layout of its cache is documented: a data set has the folder `datasets--OWNER--NAME`, in which
`refs/main` contains the commit of the branch, `snapshots/COMMIT/` has the files under their names, as links to the
`blobs/`, which are named for their checksums.
"""

import os
from pathlib import Path

from preparation.corpora import Corpus

_TRUE = {"1", "ON", "YES", "TRUE"}


def endpoint() -> str:
    """Return the address of the hub."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or "https://huggingface.co"


def is_offline() -> bool:
    """Return whether the environment forbids requests."""
    return (os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or "").upper() in _TRUE


def cache_folder() -> Path:
    """Return the folder of the client's cache."""
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("HF_HOME") or f"{caches}/huggingface"
    cache = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE") or f"{home}/hub"
    return Path(os.path.expandvars(cache)).expanduser()


def repository_cache(corpus: Corpus) -> Path:
    """Return the folder of a data set in the cache."""
    return cache_folder() / f"datasets--{corpus.repository.replace('/', '--')}"


def cached_files(corpus: Corpus) -> dict[str, Path]:
    """Return those files of a corpus that are in the cache, of the last commit of `main` that is known."""
    folder = repository_cache(corpus)
    try:
        commit = (folder / "refs" / "main").read_text("utf-8").strip()
    except OSError:
        return {}
    paths = {name: folder / "snapshots" / commit / name for name in (*corpus.train_files, *corpus.valid_files)}
    return {name: path for name, path in paths.items() if path.is_file()}


def commit_of(name: str, path: Path) -> str:
    """Return the commit that a file in the cache, with this name in the data set, belongs to."""
    return path.parents[len(Path(name).parts) - 1].name
