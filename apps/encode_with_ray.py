"""Encode a corpus of many files on the cores of one machine or of several, with Ray Data.

uv run --group ray apps/encode_with_ray.py tokenizer.json texts/*.jsonl.zst --separator "<|endoftext|>" --out tokens

Each file becomes a shard, and `shards.json` lists all of them: train on it with `--data.train_tokens`. After an
interruption run the same command again: what is finished is not encoded twice. `docs/shards.md` has more.
"""

from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bpe import Tokenizer, file_format, shard_name, write_shard_manifest
from command import CommandLineParser, run_command, say, whole_number
from ray_tasks import results
from shard_task import ShardTask

_NAMED = 5  # files that an error names


def main(arguments: list[str]) -> None:
    """Encode what the command line says, and write the manifest."""
    options = _parse(arguments)
    names = _shard_names(options.files, options.root)
    tokenizer = Tokenizer.load(options.tokenizer)
    _check_separator(options.files, options.separator, tokenizer)
    options.out.mkdir(exist_ok=True)
    task = ShardTask(
        str(options.tokenizer.resolve()),
        tokenizer.fingerprint,
        str(options.out.resolve()),
        options.column or "text",
        options.separator,
    )
    try:
        _encode(task, options, names)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(": run the same command again, it continues where it stopped") from None
    manifest = write_shard_manifest(options.out, names)
    path = options.out / "shards.json"
    say(f"{path}: {manifest.info.count:,} tokens in {len(names):,} shards")
    say(f"train on it with --data.train_tokens {path} --data.tokenizer {options.tokenizer}")


def _parse(arguments: list[str]) -> Namespace:
    """Read the command line.

    Raises:
        ValueError: an option is wrong, a file does not exist, or Ray is not installed.
    """
    parser = CommandLineParser(
        "Encode many files into shards, one task a file, on this machine or a Ray cluster.",
        "TOKENIZER FILE… --out FOLDER [OPTIONS]",
        [
            "tokenizer.json texts/*.txt --out tokens",
            'tokenizer.json fineweb/*/*.parquet --root fineweb --separator "<|endoftext|>" --out tokens --address auto',
        ],
    )
    add = parser.add_argument
    add("tokenizer", type=Path, metavar="TOKENIZER", help="a tokenizer.json")
    add(
        "files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="text, JSON lines (.jsonl), parquet; .gz and .zst; in this order they are one data set",
    )
    add("--out", type=Path, required=True, metavar="FOLDER", help="where the shards and shards.json are written")
    add(
        "--root",
        type=Path,
        metavar="FOLDER",
        help="name shards by the paths of the files below this folder (default: by the names of the files)",
    )
    add("--column", help="for JSON lines and parquet: the field with the text (default: text)")
    add(
        "--separator",
        metavar="TOKEN",
        help="the special token that follows each document of JSON lines and parquet, and each text that does not end "
        'with it; "" for nothing (default: a text is taken as it is)',
    )
    add("--address", help="a Ray cluster: auto, or HOST:PORT (default: start Ray on this machine for this command)")
    add("--num-cpus", type=whole_number, metavar="N", help="tasks at once on this machine (default: one for each core)")
    options = parser.parse_all(arguments)
    _check(options)
    return options


def _check(options: Namespace) -> None:
    for path in (options.tokenizer, *options.files):
        if not path.is_file():
            raise ValueError(f"{path} is not a file: check its name")
    if not options.out.parent.is_dir():
        raise ValueError(f"the folder {options.out.parent} for {options.out.name} does not exist: create it first")
    if options.num_cpus is not None and options.num_cpus < 1:
        raise ValueError(f"--num-cpus is {options.num_cpus}: give at least 1")
    if options.num_cpus is not None and options.address is not None:
        raise ValueError("--num-cpus is for Ray on this machine, but --address is given: remove one of them")
    if options.column is not None and all(file_format(path) == "text" for path in options.files):
        raise ValueError(f"--column is for JSON lines and parquet, but {options.files[0]} is text: remove it")
    if find_spec("ray") is None:
        raise ValueError("this command needs the package ray: install it with uv sync --group ray")


def _shard_names(files: Sequence[Path], root: Path | None) -> list[str]:
    """Return the name of each file's shard.

    Raises:
        ValueError: two files would have the same, or a file is not below `root`.
    """
    names = [shard_name(path, root) for path in files]
    name, times = Counter(names).most_common(1)[0]
    if times > 1:
        same = [str(path) for path, other in zip(files, names, strict=True) if other == name]
        raise ValueError(
            f"{same[0]} and {same[1]} would both become {name}: give each file once, and with --root a folder that "
            "contains all of them"
        )
    return names


def _check_separator(files: Sequence[Path], separator: str | None, tokenizer: Tokenizer) -> None:
    """Refuse a separator before Ray is started that every task would refuse.

    Raises:
        ValueError: it is not a special token, or is missing.
    """
    known = ", ".join(tokenizer.special_tokens) or "none"
    documents = [path for path in files if file_format(path) != "text"]
    if separator is None and documents:
        raise ValueError(f"{documents[0]} has documents: give --separator, a special token of the tokenizer ({known})")
    if separator and separator not in tokenizer.special_tokens:
        raise ValueError(f"--separator is {separator!r}: give a special token of the tokenizer ({known})")


def _encode(task: ShardTask, options: Namespace, names: Sequence[str]) -> None:
    """Encode all files and print which are finished.

    Raises:
        ValueError: some files could not be encoded; the others are.
    """
    rows = [{"source": str(path.resolve()), "name": name} for path, name in zip(options.files, names, strict=True)]
    errors = []
    for done, answer in enumerate(results(task, rows, address=options.address, num_cpus=options.num_cpus), 1):
        say(f"{done} of {len(rows)}: {answer['error'] or _finished(answer)}")
        errors += [answer["error"]] if answer["error"] else []
    if errors:
        more = f" and {len(errors) - _NAMED} more" if len(errors) > _NAMED else ""
        raise ValueError(
            f"{len(errors)} of {len(rows)} files could not be encoded, the others are finished: "
            f"{'; '.join(errors[:_NAMED])}{more}; then run the command again"
        )


def _finished(answer: dict[str, Any]) -> str:
    return f"{answer['source']}, {answer['count']:,} tokens"


if __name__ == "__main__":
    run_command(main)
