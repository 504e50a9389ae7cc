"""Run the public tests of CS336's first assignment with these packages: `uv run apps/course_tests.py FOLDER`.

FOLDER is a clone of github.com/stanford-cs336/assignment1-basics, or of the repository of 2024. Its files are not
changed. `docs/course.md` says which editions were tried, with which results.
"""

import os
import subprocess
import sys
import tempfile
from argparse import Namespace
from pathlib import Path

from command import CommandLineParser, run_command
from course.repository import ADAPTERS, CourseRepository, fill_tiktoken_cache, open_repository


def parse(arguments: list[str]) -> Namespace:
    """Read the command line.

    Raises:
        ValueError: an option is wrong.
    """
    parser = CommandLineParser(
        "Run the public tests of CS336's first assignment with these packages instead of a student's code.",
        usage="FOLDER [OPTIONS]",
        examples=("../assignment1-basics", "../assignment1-basics -k 'rope or bpe' --details"),
    )
    add = parser.add_argument
    add("folder", type=Path, metavar="FOLDER", help="a clone of github.com/stanford-cs336/assignment1-basics")
    add("-k", metavar="EXPRESSION", help="only the tests whose names match, as for pytest")
    add("--details", action="store_true", help="print the traceback of each failure")
    return parser.parse_all(arguments)


def main(arguments: list[str]) -> None:
    """Run the tests and exit with 0 if all passed, else with the exit code of pytest."""
    given = parse(arguments)
    repository = open_repository(given.folder)
    chosen = [] if given.k is None else ["-k", given.k]
    with tempfile.TemporaryDirectory() as cache:
        environment = _environment(repository, Path(cache))
        code = subprocess.run(  # noqa: S603 our own interpreter
            [sys.executable, "-m", "pytest", *_options(details=given.details), *chosen, "tests"],
            cwd=repository.path,
            env=environment,
            check=False,
        ).returncode
    if code:
        sys.exit(code)


def _options(*, details: bool) -> list[str]:
    """Return the options of pytest: our plugin, one line for each test, nothing written into the repository."""
    traceback = "short" if details else "no"
    return ["-p", "course.plugin", "-p", "no:cacheprovider", "--verbose", f"--tb={traceback}", "-rN"]


def _environment(repository: CourseRepository, cache: Path) -> dict[str, str]:
    """Return the environment of the tests: they find `course`, the adapters, and GPT-2's vocabulary."""
    environment = {**os.environ, ADAPTERS: repository.adapters}
    apps = str(Path(__file__).resolve().parent)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [apps, os.environ.get("PYTHONPATH")]))
    if "TIKTOKEN_CACHE_DIR" not in os.environ and fill_tiktoken_cache(repository, cache):
        environment["TIKTOKEN_CACHE_DIR"] = str(cache)
    return environment


if __name__ == "__main__":
    run_command(main)
