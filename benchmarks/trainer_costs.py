"""What the trainer costs beside the model: its loop, its batches, its checkpoints, each against its peers.

Usage:
    trainer_costs.py all --write-docs
    trainer_costs.py overhead --steps 60
    trainer_costs.py checkpoints --folder /mnt/disk
    trainer_costs.py all --quick

As a session of nox it is called `trainer`; a file of that name would hide the package from everything beside it.
"""

import argparse
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import console
import results
import trainer_measure
import trainer_report
from runs import installed_version
from trainer_settings import Row, Settings

SECTIONS: Mapping[str, tuple[str, Callable[[Settings], Row]]] = {
    "overhead": ("what the loop adds to a step, against one written by hand", trainer_measure.overhead),
    "loader": ("batches a second, against other loaders", trainer_measure.loader),
    "checkpoints": ("saving and loading, against other ways", trainer_measure.checkpoints),
}
_PACKAGES = ("torch", "numpy", "safetensors", "nn", "optim", "trainer")


def main(arguments: Sequence[str]) -> None:
    """Run one command.

    Raises:
        ValueError: the command line is wrong.
        OSError: a file cannot be read or written.
        WorkerError: the loops do not compute the same, or a process failed on which all others depend.
    """
    options = _parser().parse_args(arguments)
    if options.command == "report":
        _write_docs(results.read(options.results, SECTIONS.__contains__))
    else:
        _measure(options, arguments)


def _parser() -> argparse.ArgumentParser:
    parser = console.OneLineParser(
        prog="trainer_costs.py", description="Our trainer against its peers.", allow_abbrev=False
    )
    commands = parser.add_subparsers(dest="command", required=True)
    descriptions = {name: description for name, (description, _) in SECTIONS.items()}
    for name, description in (descriptions | {"all": "all of it"}).items():
        add = commands.add_parser(name, help=description).add_argument
        if name in {"overhead", "all"}:
            add("--steps", type=console.positive, default=16, help="pairs of training steps (default 16)")
        if name != "overhead":
            add("--rounds", type=console.positive, default=5, help="turns that each has (default 5)")
        add("--folder", type=Path, help="where temporary files go, whose disk checkpoints are measured on")
        add("--quick", action="store_true", help="a tiny model: to try the benchmark, not to measure")
        add("--json", type=Path, help="write all figures, raw ones too, to this file")
        add("--write-docs", action="store_true", help="put the results into docs/benchmarks")
    page = commands.add_parser("report", help="write docs/benchmarks anew from a JSON file of results")
    page.add_argument("results", type=Path, help="the JSON file")
    return parser


def _measure(options: argparse.Namespace, arguments: Sequence[str]) -> None:
    if options.quick and options.write_docs:
        raise ValueError("--quick measures a tiny model, which is no result: leave --write-docs out")
    settings = Settings(
        steps=getattr(options, "steps", 2),
        rounds=getattr(options, "rounds", 2),
        folder=options.folder or Path(tempfile.gettempdir()),
        quick=options.quick,
        say=console.say,
    )
    versions = {name: installed_version(name) for name in _PACKAGES}
    command = console.command_line("trainer_costs.py", arguments, (options.json, options.folder))
    measured: results.Results = {"schema": results.SCHEMA, "sections": {}}
    for name in SECTIONS if options.command == "all" else (options.command,):
        repetitions = settings.steps if name == "overhead" else settings.rounds
        section = results.head(command, versions, repetitions)
        section |= {"load": os.getloadavg()[0]} if hasattr(os, "getloadavg") else {}
        section |= {"quick": options.quick, "batch_size": settings.batch_size, **SECTIONS[name][1](settings)}
        measured["sections"][name] = section
        if options.json:
            results.write(measured, options.json)  # after each section, so that an interruption loses one
    if options.write_docs:
        _write_docs(measured)
    print(trainer_report.page(measured))


def _write_docs(measured: results.Results) -> None:
    """Put sections into the JSON in docs/benchmarks, and make the page of it anew."""
    merged = results.merge(measured, results.DOCS / "trainer.json", SECTIONS.__contains__)
    (results.DOCS / "trainer.md").write_text(trainer_report.page(merged), "utf-8")


if __name__ == "__main__":
    console.run(main)
