"""The command line of the model's benchmark.

python -m benchmarks.model all --json results.json --write-docs
python -m benchmarks.model train --shape base --mode compiled
python -m benchmarks.model all --quick
"""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.common import command_line, results
from benchmarks.common.machine import installed_version
from benchmarks.model import chart, report
from benchmarks.model.settings import DEVICES, MODES, Settings
from benchmarks.model.shapes import SHAPES

SECTIONS = {
    "train": "a training step of whole models",
    "generate": "greedy decoding",
    "loss": "LM head and cross-entropy, with all logits at once and in chunks",
    "optimizer": "an update of all parameters",
    "attention": "an attention layer, by back end",
}
_WHOLE_MODELS = ("train", "generate", "all")
_VERSIONS = ("torch", "transformers", "einx", "nn", "optim")


def main(arguments: Sequence[str]) -> None:
    """Run one command.

    Raises:
        ValueError: the command line is wrong, or there is no GPU to measure on.
        OSError: a file cannot be read or written.
        WorkerError: a peer does not compute what ours computes, or a process failed that all others depend on.
    """
    options = _parser().parse_args(arguments)
    if options.command == "report":
        _write_docs(results.read(options.results, SECTIONS))
    else:
        _measure(options, arguments)


def _parser() -> argparse.ArgumentParser:
    parser = command_line.make_parser("model", "Our model against its peers.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, description in (SECTIONS | {"all": "all sections"}).items():
        command = commands.add_parser(name, help=description)
        add = command.add_argument
        add("--device", choices=DEVICES, action="append", help="repeatable (default: all that are available)")
        add("--mode", choices=MODES, action="append", help="repeatable (default: both)")
        add("--rounds", type=command_line.positive_integer, default=3, help="measurements of each case (default 3)")
        add("--quick", action="store_true", help="tiny models: tests the benchmark, the results mean nothing")
        command_line.add_output_options(command)
        if name in _WHOLE_MODELS:
            add("--shape", choices=tuple(SHAPES), action="append", help="repeatable (default: all)")
    command_line.add_report_command(commands)
    return parser


def _measure(options: argparse.Namespace, arguments: Sequence[str]) -> None:
    if options.quick and options.write_docs:
        raise ValueError("--quick measures tiny models, whose results mean nothing: remove --write-docs or --quick")
    import torch  # only now: --help and errors on the command line need neither torch nor the models

    from benchmarks.model.sections import MEASURE

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    available = DEVICES if gpu else DEVICES[:1]
    if any(device not in available for device in options.device or ()):
        raise ValueError("--device is cuda, but torch finds no GPU that it can use: remove --device cuda")
    settings = Settings(
        devices=tuple(options.device or available),
        modes=tuple(mode for mode in MODES if mode in (options.mode or MODES)),
        shapes=tuple(getattr(options, "shape", None) or SHAPES),
        rounds=options.rounds,
        quick=options.quick,
        show=command_line.show_progress,
    )
    versions = {name: installed_version(name) for name in _VERSIONS}
    command = command_line.shown_command("model", arguments, (options.json,))

    def measure_section(name: str) -> dict[str, Any]:
        head = results.section_head(command, versions, options.rounds)
        facts = {"gpu": gpu, "threads": torch.get_num_threads(), "quick": options.quick}
        rows = MEASURE[name](settings)
        used = _shapes_in(rows)
        shapes = [settings.shape(shape).facts(shape) for shape in SHAPES if shape in used]
        return {**head, **facts, "shapes": shapes, "rows": rows}

    names = SECTIONS if options.command == "all" else (options.command,)
    measured = results.measure(names, measure_section, options.json)
    if options.write_docs:
        _write_docs(measured)
    print(report.page(measured))


def _shapes_in(rows: Mapping[str, Any]) -> set[str]:
    return {rows.get("shape", ""), *(row.get("shape", "") for row in rows["rows"])}


def _write_docs(measured: results.Results) -> None:
    results.write_docs(measured, "model", SECTIONS, report.page, chart.draw)
