"""Prepare data for training: fetch a corpus, or read files; train a tokenizer, encode the text, write a report.

uv run apps/prepare_data.py owt
uv run apps/prepare_data.py books/*.txt.gz --vocab-size 8000

`docs/data.md` explains the formats, the files that are written, and how it continues after an interruption.
"""

from argparse import Namespace
from pathlib import Path

from command import CommandLineParser, run_command, say, whole_number
from preparation import CORPORA, DATA, Job, PreparationError, PreparedData, Settings, corpus_job, prepare

_VOCAB_SIZE = 10_000
_VALID_SHARE = 0.01
_ENDINGS = (".gz", ".zst", ".txt", ".jsonl", ".ndjson", ".json", ".parquet")


def main(arguments: list[str]) -> None:
    """Prepare what the command line says."""
    options = _parser().parse_all(arguments)
    job = _corpus_job(options.what, options) if options.what[0] in CORPORA else _files_job(options.what, options)
    try:
        data = prepare(job, offline=options.offline, say=say)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(": run the same command again, it continues where it stopped") from None
    print_summary(job, data)


def _parser() -> CommandLineParser:
    names = ", ".join(f"{name} ({corpus.title})" for name, corpus in CORPORA.items())
    parser = CommandLineParser(
        "Prepare data for training: a tokenizer, token files of a training and a validation text, and a report.",
        "CORPUS | PATH… [OPTIONS]",
        ["tinystories", "owt", "fineweb --max-bytes 2000000000", "books/*.txt.gz --vocab-size 8000 --valid 0.02"],
    )
    parser.add_argument(
        "what",
        nargs="+",
        metavar="CORPUS | PATH",
        help=f"a corpus of the Hugging Face hub: {names}; or files: text, JSON lines (.jsonl), parquet; .gz and .zst",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help=f"the folder to write to (default: in {_shown(DATA)})"
    )
    parser.add_argument(
        "--vocab-size",
        type=whole_number,
        metavar="N",
        help=f"entries of the tokenizer (default: that of the corpus, or {_VOCAB_SIZE:,} for files)",
    )
    parser.add_argument(
        "--valid",
        nargs="+",
        metavar="PATH | SHARE",
        help=f"for files: validation files, or the share of documents to hold out (default: {_VALID_SHARE})",
    )
    parser.add_argument("--column", help="for JSON lines and parquet: the field with the text (default: text)")
    parser.add_argument(
        "--max-bytes", type=whole_number, metavar="N", help="use at most so many bytes of the training text"
    )
    parser.add_argument(
        "--offline", action="store_true", help="make no request: use what the cache of the hub's client contains"
    )
    return parser


def _corpus_job(what: list[str], options: Namespace) -> Job:
    if len(what) > 1:
        raise PreparationError(f"{what[0]} is a corpus, so {what[1]} cannot be added: prepare one corpus at a time")
    for option in ("valid", "column"):
        if getattr(options, option) is not None:
            raise PreparationError(
                f"--{option} is for files: a corpus such as {what[0]} determines it, so leave it out"
            )
    name = what[0]
    # A part has a folder of its own, so that it is not taken for the corpus.
    folder = options.out or DATA / (name if options.max_bytes is None else f"{name}_{options.max_bytes}")
    return corpus_job(name, options.vocab_size or CORPORA[name].vocab_size, folder, options.max_bytes)


def _files_job(what: list[str], options: Namespace) -> Job:
    train_paths = tuple(map(_existing_file, what))
    valid_paths, share = _validation(options.valid)
    settings = Settings(
        _VOCAB_SIZE if options.vocab_size is None else options.vocab_size,
        options.column or "text",
        share,
        options.max_bytes,
    )
    return Job(options.out or DATA / _folder_name(train_paths[0]), settings, None, train_paths, valid_paths)


def _validation(given: list[str] | None) -> tuple[tuple[Path, ...], float | None]:
    """Return the validation files, or the share of documents to hold out."""
    if given is None:
        return (), _VALID_SHARE
    if len(given) == 1 and not Path(given[0]).exists():
        try:
            return (), float(given[0])
        except ValueError:
            pass
    return tuple(map(_existing_file, given)), None


def _existing_file(name: str) -> Path:
    path = Path(name)
    if path.is_dir():
        raise PreparationError(f"{name} is a folder: give its files, such as {name.rstrip('/')}/*.txt")
    if not path.is_file():
        raise PreparationError(f"{name} is neither a file nor one of the corpora {', '.join(CORPORA)}: check its name")
    return path


def _folder_name(path: Path) -> str:
    """Return the name of the folder for files: that of the first without its endings."""
    name = path.name
    while Path(name).suffix in _ENDINGS:
        name = Path(name).stem
    if name in CORPORA:
        raise PreparationError(f"data/{name} is for the corpus {name}: give another folder with --out")
    return name


def print_summary(job: Job, data: PreparedData) -> None:
    """Print where the results are, and how to train on them."""
    folder = _shown(job.results)
    say(f"report: {folder / 'report.md'}")
    say(
        f"train on it with --data.train_tokens {_shown(data.train_tokens)} --data.valid_tokens "
        f"{_shown(data.valid_tokens)} --data.tokenizer {_shown(data.tokenizer)} "
        f"--model.vocab_size {job.settings.vocab_size}"
    )


def _shown(path: Path) -> Path:
    """Return a path relative to the current folder, if it is below it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


if __name__ == "__main__":
    run_command(main)
