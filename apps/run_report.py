"""Write the page of a run: `uv run apps/run_report.py runs/tinystories`.

Training writes it at the end; this writes it for a run that is still going, was killed, or is from an earlier version.
"""

from argparse import Namespace
from pathlib import Path

from command import CommandLineParser, run_command
from trainer import open_run_directory


def parse(arguments: list[str]) -> Namespace:
    """Read the command line."""
    parser = CommandLineParser(
        "Write the page of a run, report.html in its folder: curves, samples, costs, configuration, environment.",
        usage="RUN",
        examples=("runs/tinystories",),
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="a run's folder, such as runs/quickstart")
    return parser.parse_all(arguments)


def main(arguments: list[str]) -> None:
    """Write the page, and print its path."""
    run = open_run_directory(parse(arguments).run)
    from run_page import write_run_page  # loads matplotlib, which a mistake in anything above need not wait for

    print(write_run_page(run))


if __name__ == "__main__":
    run_command(main)
