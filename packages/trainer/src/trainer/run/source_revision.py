"""Which version of the code runs: the git revision, and what differs from it."""

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
    """What tracked files differ in from the commit, no longer than asked for."""
    truncated: bool
    """Whether the difference is longer."""
    untracked: list[str]
    """Files that git neither tracks nor ignores, by name; at most a hundred."""

    @property
    def dirty(self) -> bool:
        """Whether the files are not those of the commit."""
        return bool(self.diff or self.untracked)


def find_source_revision(
    places: list[Path] | None = None, *, most_diff_bytes: int = 1_000_000
) -> SourceRevision | None:
    """Return the revision of the repository that tracks the running program, or else this package.

    Nothing but names is read of files that are not tracked: whatever secrets lie there stay there.

    Args:
        places: files of the code, the first of which that is tracked decides; the program's and this package's own if
            not given.
        most_diff_bytes: the difference is cut there.

    Returns:
        None if the code is in no repository, has no commit yet, or git does not answer.
    """
    for place in places if places is not None else [Path(sys.argv[0]).absolute(), Path(__file__)]:
        # Tracked, since an installed package may well lie inside somebody else's repository.
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
    """Return what git prints, up to `most` bytes; None if it fails or takes too long."""
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}  # looking must not get in the way of the user's own git
    try:
        with subprocess.Popen(  # noqa: S603 fixed words and names of our own files, no shell
            ["git", *arguments],  # noqa: S607 wherever the user has it
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
                process.kill()  # there may be more, which nobody wants
            code = process.wait()
            too_slow.cancel()
            return output if code == 0 or len(output) == most else None
    except OSError:  # there is no git
        return None
