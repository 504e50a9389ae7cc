"""The command line: runs the parts, writes `results.json` and `results.md`, and prints a line for each promise.

python -m benchmarks.gpu --out results
python -m benchmarks.gpu --part step --part heads --minutes 3
python -m benchmarks.gpu --variant model.attention=einx --part variants
python -m benchmarks.gpu --tiny --device cpu
"""

import argparse
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import command_line, results as result_files
from benchmarks.gpu import report
from benchmarks.gpu.parts import PARTS
from benchmarks.gpu.request import Request
from benchmarks.gpu.schedule import Result, run_parts


def main(arguments: Sequence[str]) -> None:
    """Run the command.

    Raises:
        ValueError: the command line is wrong, or there is no GPU.
        OSError: a file cannot be read or written.
    """
    options = _parser().parse_args(arguments)
    if options.write_docs and options.tiny:
        raise ValueError("--tiny measures tiny models, whose figures mean nothing: remove --write-docs or --tiny")
    if options.results is not None:
        measured = result_files.read(options.results, ("gpu",))["sections"]["gpu"]
    else:
        measured = _measure(options, arguments)
    if options.write_docs:
        _write(measured, result_files.DOCS, "gpu")
    print("\n".join(report.summary(measured)))


def _parser() -> argparse.ArgumentParser:
    parser = command_line.make_parser("gpu", "Whether ours is fast and exact on this GPU.")
    add = parser.add_argument
    add("--minutes", type=float, default=6.0, help="time for all parts (default 6); the most important come first")
    add("--out", type=Path, default=Path("runs/gpu"), help="folder for results, logs and trace (default runs/gpu)")
    add("--part", choices=tuple(PARTS), action="append", help="repeatable (default: all)")
    add("--tokens", type=Path, help="token file to train on (default: generated stories)")
    add("--variant", action="append", default=[], metavar="GROUP.KEY=VALUE", help="repeatable: a setting to try")
    add("--device", choices=("cuda", "cpu"), default="cuda", help="cpu only together with --tiny")
    add("--tiny", action="store_true", help="tiny models: tests the script, the figures mean nothing")
    add("--write-docs", action="store_true", help="write docs/benchmarks/gpu.md and gpu.json")
    add("--results", type=Path, metavar="FILE", help="a results.json: render it again, without measuring")
    return parser


def _measure(options: argparse.Namespace, arguments: Sequence[str]) -> dict[str, Any]:
    started = time.monotonic()
    card, version = _card(options)
    if options.tokens is not None and not options.tokens.is_file():
        raise ValueError(f"--tokens is {options.tokens}, which is not a file: check its name")
    if not options.minutes > 0:
        raise ValueError(f"--minutes is {options.minutes}: give a number above 0")
    options.out.mkdir(parents=True, exist_ok=True)
    tokens = None if options.tokens is None else str(options.tokens.resolve())
    folder = str(options.out.resolve())
    request = Request("", options.device, options.tiny, folder, tokens, tuple(options.variant))
    shutil.rmtree(request.scratch, ignore_errors=True)  # so that the first step finds an empty compile cache
    names = [name for name in PARTS if name in (options.part or PARTS)]
    command = command_line.shown_command("gpu", arguments, (options.out, options.tokens))
    head = result_files.section_head(command, {"torch": version}, 1)
    measured: dict[str, Any] = {**head, "card": card, "torch": version, "tiny": options.tiny, "parts": {}}

    def receive(name: str, result: Result) -> None:
        measured["parts"][name] = result
        _write(measured, options.out, "results")  # after each part, so that an interruption loses only one
        print(f"{name}: {result['ended']}, {result['seconds']:.0f} s", file=sys.stderr, flush=True)

    try:
        run_parts(names, request, 60 * options.minutes - (time.monotonic() - started), receive)
    finally:
        shutil.rmtree(request.scratch, ignore_errors=True)
    return measured


def _card(options: argparse.Namespace) -> tuple[str, str]:
    """Return the name of the GPU and the version of torch."""
    if options.device == "cpu":
        if not options.tiny:
            raise ValueError("--device cpu is for trying the script itself: add --tiny")
        from benchmarks.common.machine import installed_version

        return "no GPU", installed_version("torch") or "not installed"
    import torch  # only now: --help and errors on the command line do not need it

    if not torch.cuda.is_available():
        raise ValueError("torch finds no GPU: give --tiny --device cpu to try the script without one")
    return torch.cuda.get_device_name(), torch.__version__


def _write(measured: dict[str, Any], folder: Path, name: str) -> None:
    """Write the results as JSON and as a page."""
    result_files.write({"schema": result_files.SCHEMA, "sections": {"gpu": measured}}, folder / f"{name}.json")
    (folder / f"{name}.md").write_text(report.page(measured), "utf-8")
