"""The report on prepared data: what it consists of, what it cost, how well which tokenizer compresses which text."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bpe import Tokenizer, file_format, open_token_file
from preparation.job import Job, result_paths
from preparation.prepared import is_complete
from preparation.state import Figures, State, write_text
from preparation.throughput import Throughput

_SAMPLE_TOKENS = 250_000  # about a megabyte of text
_PACKAGES = ("bpe", "huggingface_hub", "numpy", "pyarrow", "regex", "zstandard")


def report_inputs(job: Job, state: State) -> dict[str, Any]:
    """Return what the report is made from: fingerprints of the results, and of those of other corpora beside them."""
    own = {name: phase.outputs for name, phase in state.phases.items() if name in ("tokenizer", "train", "valid")}
    others = {_label(folder): [phase.outputs for phase in State(folder).phases.values()] for folder in _others(job)}
    return {**own, "others": others}


def write_report(job: Job, state: State) -> tuple[list[Path], Figures]:
    """Write `report.json` and `report.md` into the folder of the results."""
    report = make_report(job, state)
    paths = [job.results / "report.json", job.results / "report.md"]
    write_text(paths[0], json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    write_text(paths[1], as_markdown(report))
    return paths, {}


def make_report(job: Job, state: State) -> dict[str, Any]:
    """Return the report as JSON."""
    tokenizer, train, valid = (state.phases[name] for name in ("tokenizer", "train", "valid"))
    fetched = state.phases.get("fetch")
    paths = list(map(Path, fetched.outputs)) if fetched else [*job.train_paths, *job.valid_paths]
    encoding = Throughput(train.figures["bytes"], train.figures["encode_seconds"])
    return {
        "title": job.corpus.title if job.corpus else job.folder.name,
        "source": state.source,
        "files": [
            {"name": path.name, "format": file_format(path), "bytes": path.stat().st_size}
            for path in paths
            if path.is_file()
        ],
        "fetched": fetched.figures if fetched else None,
        "settings": train.inputs["settings"],
        "texts": {name: _sizes(phase.figures) for name, phase in (("train", train), ("valid", valid))},
        "tokenizer": tokenizer.figures,
        "seconds": {name: phase.seconds for name, phase in state.phases.items() if name != "report"},
        "encoding": {
            "megabytes_per_second": encoding.megabytes_per_second,
            "hours_for_825_gb": encoding.hours_for_825_gb,
        },
        "compression": compare(job),
        "environment": {
            "processor": platform.processor() or platform.machine(),
            "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "python": platform.python_version(),
            **{name: _version(name) for name in _PACKAGES},
        },
    }


def _sizes(figures: Mapping[str, Any]) -> dict[str, Any]:
    sizes = {name: figures[name] for name in ("bytes", "documents", "tokens")}
    return {**sizes, "bytes_per_token": round(figures["bytes"] / figures["tokens"], 4)}


def compare(job: Job) -> list[dict[str, Any]]:
    """Return how many bytes a token has, by this tokenizer on all texts and by all tokenizers on this text.

    A text is the beginning of a validation text, its first 250,000 tokens.
    """
    own = job.results
    folders = [own, *_others(job)]
    texts = {folder: _sample(folder) for folder in folders}
    tokenizers = {folder: Tokenizer.load(result_paths(folder).tokenizer) for folder in folders}
    return [
        {
            "text": text.parent.name,
            "tokenizer": _label(tokenizer),
            "bytes_per_token": round(len(texts[text].encode()) / tokenizers[tokenizer].count_tokens(texts[text]), 4),
        }
        for text in folders
        for tokenizer in folders
        if own in (text, tokenizer)
    ]


def _others(job: Job) -> list[Path]:
    """Return the folders of results that are complete, beside the folder of the job and in it."""
    folders = sorted(job.folder.parent.glob("*/vocab_*"))
    return [folder for folder in folders if folder != job.results and is_complete(State(folder))]


def _label(results: Path) -> str:
    return f"{results.parent.name}, {results.name.removeprefix('vocab_')} entries"


def _sample(results: Path) -> str:
    """Return the beginning of a validation text. It is decoded, since the files it was made from may be gone."""
    paths = result_paths(results)
    tokens = open_token_file(paths.valid_tokens)[:_SAMPLE_TOKENS].tolist()
    data = Tokenizer.load(paths.tokenizer).decode_bytes(tokens)
    return data.decode(errors="ignore")  # the last token may end inside a character


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def as_markdown(report: Mapping[str, Any]) -> str:
    """Return the report as Markdown."""
    settings, tokenizer, encoding = report["settings"], report["tokenizer"], report["encoding"]
    held_out = settings["valid_share"]
    sections = [
        f"# {report['title']}, {settings['vocab_size']:,} entries",
        f"Prepared from {report['source']}"
        + (f", commit `{report['fetched']['commit']}`." if report["fetched"] else "."),
        _table(
            ("text", "bytes", "documents", "tokens", "bytes per token"),
            [
                (
                    name,
                    *(f"{text[key]:,}" for key in ("bytes", "documents", "tokens")),
                    f"{text['bytes_per_token']:.2f}",
                )
                for name, text in report["texts"].items()
            ],
        ),
        f"Bytes include the separators `{settings['separator']}`. "
        + (f"For validation {held_out:.2%} of the documents are held out. " if held_out is not None else "")
        + (f"At most {settings['max_bytes']:,} bytes of the text are used." if settings["max_bytes"] else ""),
        "## Files",
        _table(
            ("file", "format", "bytes"),
            [(file["name"], file["format"], f"{file['bytes']:,}") for file in report["files"]],
        )
        + f"\n\nColumn with the text, for JSON lines and parquet: `{settings['column']}`.",
        "## Tokenizer",
        f"{tokenizer['entries']:,} entries, trained on {tokenizer['bytes_read']:,} bytes with "
        f"{tokenizer['distinct_words']:,} distinct words: counting {tokenizer['count_seconds']:.1f} s, merging "
        f"{tokenizer['merge_seconds']:.1f} s. The longest token is `{_code(tokenizer['longest_token'])}`.",
        "## Compression",
        _table(
            ("text", "tokenizer", "bytes per token"),
            [(row["text"], row["tokenizer"], f"{row['bytes_per_token']:.2f}") for row in report["compression"]],
        ),
        f"Measured on the first {_SAMPLE_TOKENS:,} tokens of each validation text.",
        "## Time",
        _table(("phase", "seconds"), [(name, f"{seconds:.1f}") for name, seconds in report["seconds"].items()]),
        f"The training text was read, decompressed and encoded at {encoding['megabytes_per_second']:.1f} MB/s. At this "
        f"rate 825 GB take {encoding['hours_for_825_gb']:.1f} hours.",
        "## Environment",
        _table(("", ""), [(name, str(value)) for name, value in report["environment"].items()]),
    ]
    return "\n\n".join(section.strip() for section in sections if section.strip()) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _code(token: str) -> str:
    return token.replace("`", "'").replace("\n", "\\n")
