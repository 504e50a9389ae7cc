"""The command line of the trainer's benchmark.

python -m benchmarks.trainer all --write-docs
python -m benchmarks.trainer overhead --steps 60
python -m benchmarks.trainer checkpoints --folder /mnt/disk
python -m benchmarks.trainer all --quick
"""

import argparse
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import command_line, results
from benchmarks.common.machine import installed_version
from benchmarks.trainer import report, sections
from benchmarks.trainer.settings import Row, Settings

SECTIONS = {
    "overhead": "what the training loop adds to a step, compared with a minimal loop",
    "loader": "batches per second, compared with other loaders",
    "checkpoints": "saving and loading, compared with other methods",
}
_MEASURE: Mapping[str, Callable[[Settings], Row]] = {
    "overhead": sections.overhead,
    "loader": sections.loader,
    "checkpoints": sections.checkpoints,
}
_VERSIONS = ("torch", "numpy", "safetensors", "nn", "optim", "trainer")


def main(arguments: Sequence[str]) -> None:
    """Run one command.

    Raises:
        ValueError: the command line is wrong.
        OSError: a file cannot be read or written.
        WorkerError: the two loops do not compute the same, or the worker failed.
    """
    options = _parser().parse_args(arguments)
    if options.command == "report":
        _write_docs(results.read(options.results, SECTIONS))
    else:
        _measure(options, arguments)


def _parser() -> argparse.ArgumentParser:
    parser = command_line.make_parser("trainer", "Our trainer against its peers.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, description in (SECTIONS | {"all": "all three sections"}).items():
        command = commands.add_parser(name, help=description)
        add = command.add_argument
        if name in {"overhead", "all"}:
            add("--steps", type=command_line.positive_integer, default=16, help="pairs of training steps (default 16)")
        if name != "overhead":
            add("--rounds", type=command_line.positive_integer, default=5, help="measurements of each case (default 5)")
        add("--folder", type=Path, help="where temporary files go; its disk is the one that checkpoints are written to")
        add("--quick", action="store_true", help="a tiny model: tests the benchmark, the results mean nothing")
        command_line.add_output_options(command)
    command_line.add_report_command(commands)
    return parser


def _measure(options: argparse.Namespace, arguments: Sequence[str]) -> None:
    if options.quick and options.write_docs:
        raise ValueError("--quick measures a tiny model, whose results mean nothing: remove --write-docs or --quick")
    settings = Settings(
        steps=getattr(options, "steps", 2),
        rounds=getattr(options, "rounds", 2),
        folder=options.folder or Path(tempfile.gettempdir()),
        quick=options.quick,
        show=command_line.show_progress,
    )
    versions = {name: installed_version(name) for name in _VERSIONS}
    command = command_line.shown_command("trainer", arguments, (options.json, options.folder))

    def measure_section(name: str) -> dict[str, Any]:
        head = results.section_head(command, versions, settings.steps if name == "overhead" else settings.rounds)
        head |= {"load": os.getloadavg()[0]} if hasattr(os, "getloadavg") else {}
        return {**head, "quick": options.quick, "batch_size": settings.batch_size, **_MEASURE[name](settings)}

    names = SECTIONS if options.command == "all" else (options.command,)
    measured = results.measure(names, measure_section, options.json)
    if options.write_docs:
        _write_docs(measured)
    print(report.page(measured))


def _write_docs(measured: results.Results) -> None:
    results.write_docs(measured, "trainer", SECTIONS, report.page)
