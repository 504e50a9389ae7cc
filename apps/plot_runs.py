"""Draw curves of runs: `uv run apps/plot_runs.py runs/a runs/b --by tokens --metric valid_loss --out curves.svg`."""

import math
import sys
from argparse import Namespace
from pathlib import Path

from command import OneLineParser, run_command
from trainer import open_run_directory
from trainer.plots import plot_runs


def parse(arguments: list[str]) -> Namespace:
    """Read the command line."""
    parser = OneLineParser(description="Draw a metric of one or many runs into one picture.")
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="a run's folder, such as runs/quickstart")
    parser.add_argument("--by", choices=("step", "tokens", "time"), default="step", help="along what (default step)")
    parser.add_argument(
        "--metric",
        default="loss",
        help="a name in metrics.jsonl, such as valid_loss or grad_norm; loss: training and validation (default)",
    )
    parser.add_argument("--log-x", action="store_true", help="a logarithmic axis for what the curves go along")
    parser.add_argument("--log-y", action="store_true", help="a logarithmic axis for the metric")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the picture: FILE.svg or FILE.png")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> None:
    """Draw the picture, and say which runs are not in it."""
    given = parse(arguments)
    runs = [open_run_directory(path) for path in given.runs]
    curves = plot_runs(runs, given.out, metric=given.metric, by=given.by, log_x=given.log_x, log_y=given.log_y)
    drawn = {curve.run for curve in curves if any(math.isfinite(value) for _, value in curve.points)}
    for left_out in dict.fromkeys(curve.run for curve in curves if curve.run not in drawn):
        print(f"note: {left_out} has no {given.metric}, and is left out", file=sys.stderr)
    print(f"{len(drawn)} {'run' if len(drawn) == 1 else 'runs'}: {given.out}")


if __name__ == "__main__":
    run_command(main)
