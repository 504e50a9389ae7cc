"""Build the website: `python -m website --out site`."""

import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from website.checking import find_problems
from website.staging import stage

ROOT = Path(__file__).resolve().parents[1]


def build(root: Path, out: Path) -> Path:
    """Build the website of a repository.

    Args:
        root: the root of the repository.
        out: the folder for the pages and all that is made on the way.

    Returns:
        The folder of the finished pages.

    Raises:
        ValueError: a page, a link, an anchor or a docstring is wrong; the message names the first problems.
    """
    settings = stage(root, out.resolve())
    generator = [sys.executable, "-m", "zensical", "build", "--strict", "--clean", "--config-file", str(settings)]
    finished = subprocess.run(generator, check=False, capture_output=True, text=True)
    output = finished.stdout + finished.stderr
    if finished.returncode or "WARNING" in output.upper():
        raise ValueError(f"the generator has found problems:\n{output}")
    problems = find_problems(settings.parent / "html")
    if problems:
        raise ValueError("\n".join([f"{len(problems)} problems:", *problems[:50]]))
    return settings.parent / "html"


def main(arguments: Sequence[str]) -> None:
    """Build the website, or print what is wrong with it and exit with code 2."""
    parser = ArgumentParser(prog="python -m website", description="Build the website from the pages of this repository.")
    parser.add_argument("--out", type=Path, default=ROOT / "site", help="folder to write to (default: site)")
    out: Path = parser.parse_args(arguments).out
    try:
        html = build(ROOT, out)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    print(f"{html / 'index.html'}: open it in a browser, or serve it: python -m http.server --directory {html}")


if __name__ == "__main__":
    main(sys.argv[1:])
