"""Our model against a plain-PyTorch one and `transformers`' Llama of the same shape and with the same weights.

Usage:
    model.py all --json results.json --write-docs
    model.py train --shape base --mode compiled
    model.py all --quick
"""

import argparse
import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

import console
import model_chart
import model_report
import results
from model_settings import DEVICES, MODES, Settings, shape_facts
from model_shapes import SHAPES
from runs import installed_version

SECTIONS = {
    "train": "a training step of whole models",
    "generate": "greedy decoding of one sequence",
    "loss": "LM head and cross-entropy, with all logits at once and in chunks",
    "optimizer": "an update of all parameters",
    "attention": "an attention layer, by back end",
}
_PARTS = ("loss", "optimizer", "attention")


def main(arguments: Sequence[str]) -> None:
    """Run one command.

    Raises:
        ValueError: the command line is wrong, or something that is asked for is not there.
        OSError: a file cannot be read or written.
        WorkerError: a peer does not compute what ours does, or a process failed on which all others depend.
    """
    options = _parser().parse_args(arguments)
    if options.command == "report":
        _write_docs(results.read(options.results, SECTIONS.__contains__))
    else:
        _measure(options, arguments)


def _parser() -> argparse.ArgumentParser:
    parser = console.OneLineParser(prog="model.py", description="Our model against its peers.", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, description in (SECTIONS | {"all": "all of it"}).items():
        add = commands.add_parser(name, help=description).add_argument
        add("--device", choices=DEVICES, action="append", help="where; may be given again; all that are here without")
        add("--mode", choices=MODES, action="append", help="may be given again; both without it")
        add("--rounds", type=console.positive, default=3, help="turns that each has (default 3)")
        add("--quick", action="store_true", help="tiny models: to try the benchmark, not to measure")
        add("--json", type=Path, help="write all figures, raw ones too, to this file")
        add("--write-docs", action="store_true", help="put the results into docs/benchmarks")
        if name not in _PARTS:
            add("--shape", choices=tuple(SHAPES), action="append", help="may be given again; all without it")
    page = commands.add_parser("report", help="write docs/benchmarks anew from a JSON file of results")
    page.add_argument("results", type=Path, help="the JSON file")
    return parser


def _measure(options: argparse.Namespace, arguments: Sequence[str]) -> None:
    if options.quick and options.write_docs:
        raise ValueError("--quick measures tiny models, which are no results: leave --write-docs out")
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    present = DEVICES if gpu else DEVICES[:1]
    if any(device not in present for device in options.device or ()):
        raise ValueError("there is no GPU that torch can use here: leave --device cuda out")
    settings = Settings(
        devices=tuple(options.device or present),
        modes=tuple(mode for mode in MODES if mode in (options.mode or MODES)),
        shapes=tuple(getattr(options, "shape", None) or SHAPES),
        rounds=options.rounds,
        quick=options.quick,
        say=console.say,
    )
    versions = {name: installed_version(name) for name in ("torch", "transformers", "einx", "nn", "optim")}
    command = console.command_line("model.py", arguments, (options.json,))
    names = tuple(SECTIONS) if options.command == "all" else (options.command,)
    measured: results.Results = {"schema": results.SCHEMA, "sections": {}}
    for name in names:
        section = results.head(command, versions, options.rounds)
        section |= {"gpu": gpu, "threads": torch.get_num_threads(), "quick": options.quick}
        rows = _section(name)(settings)
        used = _shapes_in(rows)
        section |= {"shapes": [shape_facts(settings, shape) for shape in SHAPES if shape in used], "rows": rows}
        measured["sections"][name] = section
        if options.json:
            results.write(measured, options.json)  # after each section, so that an interruption loses one
    if options.write_docs:
        _write_docs(measured)
    print(model_report.page(measured))


def _section(name: str) -> Callable[[Settings], dict[str, Any]]:
    module = importlib.import_module("model_measure_parts" if name in _PARTS else "model_measure")
    section: Callable[[Settings], dict[str, Any]] = getattr(module, name)
    return section


def _shapes_in(rows: Mapping[str, Any]) -> set[str]:
    return {rows.get("shape", ""), *(row.get("shape", "") for row in rows["rows"])}


def _write_docs(measured: results.Results) -> None:
    """Put sections into the JSON in docs/benchmarks, and make page and pictures of it anew."""
    merged = results.merge(measured, results.DOCS / "model.json", SECTIONS.__contains__)
    page = model_report.page(merged)
    if merged["sections"].keys() & {"train", "generate"}:
        model_chart.draw(merged["sections"], results.DOCS, "model")
        title, _, rest = page.partition("\n\n")
        page = f"{title}\n\n![Tokens a second of all models](model.svg)\n\n{rest}"
    (results.DOCS / "model.md").write_text(page, "utf-8")


if __name__ == "__main__":
    console.run(main)
