"""Plot a metric of runs: `uv run apps/plot_runs.py runs/a runs/b --by tokens --metric valid_loss --out curves.svg`."""

import math
import sys
from argparse import Namespace
from pathlib import Path

from command import CommandLineParser, one_of, run_command
from trainer import open_run_directory


def parse(arguments: list[str]) -> Namespace:
    """Read the command line."""
    parser = CommandLineParser(
        "Plot a metric of one or more runs into one picture.",
        usage="RUN [RUN ...] --out FILE [OPTIONS]",
        examples=(
            "runs/a --out loss.png",
            "runs/a runs/b --by tokens --metric valid_loss --log-x --out curves.svg",
        ),
    )
    add = parser.add_argument
    add("runs", type=Path, nargs="+", metavar="RUN", help="a run's folder, such as runs/quickstart")
    axes = ("step", "tokens", "time")
    add("--by", type=one_of(*axes), default="step", metavar=f"{{{','.join(axes)}}}", help="the x axis (default step)")
    add(
        "--metric",
        default="loss",
        help="a key in metrics.jsonl, such as valid_loss or grad_norm; loss: training and validation (default)",
    )
    add("--log-x", action="store_true", help="use a logarithmic x axis")
    add("--log-y", action="store_true", help="use a logarithmic y axis")
    add("--out", type=Path, required=True, metavar="FILE", help="the picture: FILE.svg or FILE.png")
    return parser.parse_all(arguments)


def main(arguments: list[str]) -> None:
    """Plot the runs, and print which of them do not have the metric."""
    given = parse(arguments)
    runs = [open_run_directory(path) for path in given.runs]
    from trainer.plots import plot_runs  # loads matplotlib, which a mistake in anything above need not wait for

    curves = plot_runs(runs, given.out, metric=given.metric, by=given.by, log_x=given.log_x, log_y=given.log_y)
    drawn = {curve.run for curve in curves if any(math.isfinite(value) for _, value in curve.points)}
    for skipped in dict.fromkeys(curve.run for curve in curves if curve.run not in drawn):
        print(f"note: {skipped} is skipped: it has no {given.metric}", file=sys.stderr)
    print(f"{len(drawn)} {'run' if len(drawn) == 1 else 'runs'}: {given.out}")


if __name__ == "__main__":
    run_command(main)
