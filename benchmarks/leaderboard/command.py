r"""The command line of the leaderboard's ladder.

python -m benchmarks.leaderboard ladder --train-text train.txt --valid-text valid.txt --json ladder.json --write-docs
python -m benchmarks.leaderboard compare --train-text train.txt --valid-text valid.txt \
    --config configs/leaderboard_cpu.yaml --json compare.json --write-docs

Results are written after each rung: the same command continues where it was interrupted.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import command_line, results
from benchmarks.common.machine import installed_version
from benchmarks.common.workers import ROOT
from benchmarks.leaderboard import report
from benchmarks.leaderboard.changes import CHANGES
from benchmarks.leaderboard.training import Training, encode_texts
from benchmarks.leaderboard.trials import Trials, climb, compare

SECTIONS = ("ladder", "compare")
REFERENCE = ROOT / "configs" / "reference" / "leaderboard_cpu.yaml"
_VERSIONS = ("torch", "numpy", "bpe", "nn", "optim", "trainer")


def main(arguments: Sequence[str]) -> None:
    """Run one command.

    Raises:
        ValueError: the command line is wrong, or the results belong to other changes.
        OSError: a file cannot be read or written.
        WorkerError: a run has failed.
    """
    options = _parser().parse_args(arguments)
    if options.command == "report":
        report.write_docs(results.read(options.results, SECTIONS))
        return
    for path in (options.train_text, options.valid_text):
        if not path.is_file():
            raise ValueError(f"{path} is not a file: give a text, documents separated by <|endoftext|>")
    folder = options.folder or Path(tempfile.gettempdir()) / "leaderboard-ladder"
    folder.mkdir(parents=True, exist_ok=True)
    encode_texts(options.reference, options.train_text, options.valid_text, folder / "data", print)
    tokens = folder / "data" / "tokens"
    training = Training(
        options.reference, tokens / "train.bin", tokens / "valid.bin", options.device, folder, options.parallel
    )
    measured = _measure(options, training, _head(options, arguments))
    if options.write_docs:
        report.write_docs(measured)
    print(report.page(measured))


def _parser() -> argparse.ArgumentParser:
    parser = command_line.make_parser("leaderboard", "Which changes to the leaderboard's configuration pay.")
    commands = parser.add_subparsers(dest="command", required=True)
    descriptions = {
        "ladder": "try one change after another at equal time, and keep those that pay",
        "compare": "train configurations with several seeds at equal time",
    }
    for name, description in descriptions.items():
        command = commands.add_parser(name, help=description)
        add = command.add_argument
        add("--train-text", type=Path, required=True, help="text to train on")
        add("--valid-text", type=Path, required=True, help="text to evaluate on, all of it")
        add("--reference", type=Path, default=REFERENCE, help="the configuration to start from")
        add("--steps", type=command_line.positive_integer, default=300, help="steps of the reference (default 300)")
        add("--seeds", type=command_line.positive_integer, default=2, help="runs of each configuration (default 2)")
        add("--device", default="cpu", help="cpu or cuda (default cpu)")
        add("--parallel", type=command_line.positive_integer, default=2, help="runs at once (default 2)")
        add("--folder", type=Path, help="where token files and unfinished runs are stored")
        if name == "compare":
            add("--config", type=Path, action="append", required=True, help="a configuration; may be repeated")
        command_line.add_output_options(command)
    command_line.add_report_command(commands)
    return parser


def _head(options: argparse.Namespace, arguments: Sequence[str]) -> dict[str, Any]:
    paths = (options.train_text, options.valid_text, options.json, options.folder)
    command = command_line.shown_command("leaderboard", arguments, paths)
    versions = {name: installed_version(name) for name in _VERSIONS}
    sizes = {name: getattr(options, f"{name}_text").stat().st_size for name in ("train", "valid")}
    head = results.section_head(command, versions, options.seeds)
    return {**head, "steps": options.steps, "device": options.device, "text_bytes": sizes}


def _measure(options: argparse.Namespace, training: Training, head: dict[str, Any]) -> results.Results:
    """Measure the section, continuing with what the file of results already has."""
    known: results.Results = {"schema": results.SCHEMA, "sections": {}}
    if options.json is not None and options.json.exists():
        known = results.read(options.json, SECTIONS)
    section = {"trials": [], **known["sections"].get(options.command, {}), **head}
    known["sections"][options.command] = section

    def save() -> None:
        if options.json is not None:
            results.write(known, options.json)

    trials = Trials(training, options.steps, range(options.seeds), section["trials"], save, print)
    if options.command == "ladder":
        section["kept"] = climb(trials, CHANGES)
    else:
        compare(trials, [str(path) for path in options.config])
    save()
    return known
