"""Encode a corpus of many files on the cores of one machine or of several, with Ray Data.

uv run --group ray apps/encode_with_ray.py tokenizer.json texts/*.txt --out tokens

Each file becomes a shard, and `shards.json` in the folder lists all of them: train on it with `--data.train_tokens`.
After an interruption run the same command again; finished shards are not encoded twice. `docs/shards.md` has more.
"""

import logging
import os
import tempfile
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bpe import Tokenizer, shard_name, write_shard_manifest
from command import CommandLineParser, run_command, say, whole_number
from shard_task import ShardTask

_OBJECT_STORE_BYTES = 100_000_000  # names of files and numbers of tokens: more than Ray's minimum is never needed
_NAMED = 5  # files that an error names


def main(arguments: list[str]) -> None:
    """Encode what the command line says, and write the manifest."""
    options = _parse(arguments)
    names = _shard_names(options.files, options.root)
    tokenizer = Tokenizer.load(options.tokenizer)
    options.out.mkdir(exist_ok=True)
    task = ShardTask(str(options.tokenizer.resolve()), tokenizer.fingerprint, str(options.out.resolve()))
    rows = [{"source": str(path.resolve()), "name": name} for path, name in zip(options.files, names, strict=True)]
    errors = []
    for done, answer in enumerate(encoded(task, rows, options.address, options.num_cpus), 1):
        result = answer["error"] or f"{answer['source']}: {answer['count']:,} tokens"
        say(f"{done} of {len(rows)}: {result}")
        errors += [answer["error"]] if answer["error"] else []
    if errors:
        more = f" and {len(errors) - _NAMED} more" if len(errors) > _NAMED else ""
        raise ValueError(
            f"{len(errors)} of {len(rows)} files could not be encoded: {'; '.join(errors[:_NAMED])}{more}. "
            "The others are finished: correct these and run the command again"
        )
    manifest = write_shard_manifest(options.out, names)
    say(f"{options.out / 'shards.json'}: {manifest.info.count:,} tokens in {len(names):,} shards")
    say(f"train on it with --data.train_tokens {options.out / 'shards.json'} --data.tokenizer {options.tokenizer}")


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
            "tokenizer.json texts/*/*.txt --root texts --out tokens --address auto",
        ],
    )
    add = parser.add_argument
    add("tokenizer", type=Path, metavar="TOKENIZER", help="a tokenizer.json")
    add("files", type=Path, nargs="+", metavar="FILE", help="UTF-8 text; in this order they are one data set")
    add("--out", type=Path, required=True, metavar="FOLDER", help="where the shards and shards.json are written")
    add(
        "--root",
        type=Path,
        metavar="FOLDER",
        help="name shards by the paths of the files below this folder (default: by the names of the files)",
    )
    add("--address", help="a Ray cluster: auto, or HOST:PORT (default: start Ray on this machine for this command)")
    add("--num-cpus", type=whole_number, metavar="N", help="tasks at once on this machine (default: one a core)")
    options = parser.parse_all(arguments)
    for path in (options.tokenizer, *options.files):
        if not path.is_file():
            raise ValueError(f"{path} is not a file: check its name")
    if not options.out.parent.is_dir():
        raise ValueError(f"the folder {options.out.parent} for {options.out.name} does not exist: create it first")
    if options.num_cpus is not None and options.num_cpus < 1:
        raise ValueError(f"--num-cpus is {options.num_cpus}: give at least 1")
    if options.address is not None and options.num_cpus is not None:
        raise ValueError(
            "--num-cpus is for this machine, but --address is given: the cluster knows its cores; remove one"
        )
    if find_spec("ray") is None:
        raise ValueError("encoding with Ray needs the package ray: install it with uv sync --group ray")
    return options


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
            f"{same[0]} and {same[1]} would both become {name}: give --root, a folder that contains all files, "
            "and each file once"
        )
    return names


def encoded(
    task: ShardTask, rows: Sequence[dict[str, str]], address: str | None, num_cpus: int | None
) -> Iterator[dict[str, Any]]:
    """Yield what the task returns for each row, as soon as it is finished, in any order.

    Ray runs the task of a worker that is lost again, on another one.

    Raises:
        ConnectionError: an OSError: there is no cluster at the address.
        ValueError: Ray gave up.
    """
    import ray.data

    with _ray(address, num_cpus):
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        dataset = ray.data.from_items(list(rows), override_num_blocks=len(rows)).map(task, num_cpus=1)
        try:
            yield from dataset.iter_rows()
        except ray.exceptions.RayError as error:
            reason = str(error).strip().splitlines()[0]
            raise ValueError(f"Ray gave up: {reason}. Finished shards are kept: run the command again") from error


@contextmanager
def _ray(address: str | None, num_cpus: int | None) -> Iterator[None]:
    """Connect to a cluster, or start Ray on this machine, with its files in a temporary folder."""
    import ray

    for logger in ("ray", "ray.data"):
        logging.getLogger(logger).setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        if address is None:
            ray.init(
                num_cpus=num_cpus,
                include_dashboard=False,
                object_store_memory=_OBJECT_STORE_BYTES,
                log_to_driver=False,
                logging_level=logging.ERROR,
                _temp_dir=folder,
            )
        else:
            ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
        try:
            yield
        finally:
            ray.shutdown()


if __name__ == "__main__":
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray reports nothing to its makers
    run_command(main)
