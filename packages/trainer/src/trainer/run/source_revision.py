"""The version of the running code: its git revision and uncommitted changes."""

import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

_SECONDS = 10
_MOST_UNTRACKED = 100


@dataclass(frozen=True)
class SourceRevision:
    """The state of a git repository."""

    revision: str
    """The commit's hash."""
    diff: bytes
    """Changes of tracked files since the commit, truncated to the given size."""
    truncated: bool
    """Whether the diff was truncated."""
    untracked: list[str]
    """Names of files that git neither tracks nor ignores; at most 100."""

    @property
    def dirty(self) -> bool:
        """Whether the files differ from those of the commit."""
        return bool(self.diff or self.untracked)


def find_source_revision(
    places: list[Path] | None = None, *, most_diff_bytes: int = 1_000_000
) -> SourceRevision | None:
    """Return the revision of the repository that tracks the running program, or else this package.

    Of untracked files only the names are read, since they may contain secrets.

    Args:
        places: files of the code; the repository is that of the first tracked one. By default the program and this
            file.
        most_diff_bytes: the diff is truncated to this size.

    Returns:
        None if the code is not in a repository, there is no commit yet, or git fails.
    """
    for place in places if places is not None else [Path(sys.argv[0]).absolute(), Path(__file__)]:
        # It must be tracked: an installed package may be in a folder of an unrelated repository.
        if not place.is_file() or _git(place.parent, "ls-files", "--error-unmatch", "--", place.name) is None:
            continue
        root = _git(place.parent, "rev-parse", "--show-toplevel")
        revision = _git(place.parent, "rev-parse", "--verify", "HEAD")
        if not root or not revision:
            return None
        folder = Path(os.fsdecode(root.rstrip(b"\n")))
        diff = _git(folder, "diff", "--no-ext-diff", "--no-textconv", "--no-color", "HEAD", most=most_diff_bytes + 1)
        untracked = _git(folder, "ls-files", "-z", "--others", "--exclude-standard")
        names = sorted(name.decode("utf-8", "replace") for name in (untracked or b"").split(b"\0") if name)
        return SourceRevision(
            revision.decode().strip(),
            (diff or b"")[:most_diff_bytes],
            len(diff or b"") > most_diff_bytes,
            names[:_MOST_UNTRACKED],
        )
    return None


def _git(folder: Path, *arguments: str, most: int = 10_000_000) -> bytes | None:
    """Return the output of git, up to `most` bytes; None if it fails or takes too long."""
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}  # so that it does not interfere with the user's git
    try:
        with subprocess.Popen(  # noqa: S603 fixed arguments and names of our own files, no shell
            ["git", *arguments],  # noqa: S607 found on the PATH
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            assert process.stdout is not None
            too_slow = threading.Timer(_SECONDS, process.kill)
            too_slow.start()
            output = process.stdout.read(most)
            if len(output) == most:
                process.kill()  # the rest of the output is not needed
            code = process.wait()
            too_slow.cancel()
            return output if code == 0 or len(output) == most else None
    except OSError:  # git is not installed
        return None
