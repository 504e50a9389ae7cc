"""Write a corpus of generated stories: `uv run apps/write_stories.py runs/stories`.

The stories are those of the quickstart, for experiments that need text at once and without a network.
"""

from argparse import Namespace
from pathlib import Path

from command import CommandLineParser, run_command, whole_number
from stories import write_corpus

DEFAULT_BYTES = 5_000_000


def parse(arguments: list[str]) -> Namespace:
    """Read the command line.

    Raises:
        ValueError: an option is wrong.
    """
    parser = CommandLineParser(
        "Write generated stories: train.txt and valid.txt in a folder. No story is in both.",
        usage="FOLDER [OPTIONS]",
        examples=("runs/stories", "runs/stories --bytes 400000 --seed 1"),
    )
    add = parser.add_argument
    add("folder", type=Path, metavar="FOLDER", help="where the two files are written; it is created if missing")
    add(
        "--bytes",
        type=whole_number,
        default=DEFAULT_BYTES,
        metavar="N",
        help=f"size of both together (default {DEFAULT_BYTES})",
    )
    add("--seed", type=whole_number, default=0, metavar="N", help="which stories (default 0)")
    return parser.parse_all(arguments)


def main(arguments: list[str]) -> None:
    """Write the two files and print their sizes."""
    given = parse(arguments)
    train, valid = given.folder / "train.txt", given.folder / "valid.txt"
    given.folder.mkdir(parents=True, exist_ok=True)
    write_corpus(train, valid, given.bytes, given.seed)
    for path in (train, valid):
        print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    run_command(main)
