"""The page of results: Markdown made of the JSON alone."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import figures
from libraries import LIBRARIES
from markdown import conditions, table

Row = dict[str, Any]
_CALLS = ("first", "cold", "warm")


def page(results: dict[str, Any]) -> str:
    """Return the whole page: each section that has been measured, with what it was measured on."""
    writers: Mapping[str, Callable[[Any], list[str]]] = {
        "encode": _encode,
        "startup": _startup,
        "train": _train,
        "scaling": _scaling,
    }
    parts = ["# Tokenizer benchmarks", "_Made by `benchmarks/tokenizer.py` from `tokenizer.json`; not to be edited._"]
    for name, write in writers.items():
        if name in results["sections"]:
            section = results["sections"][name]
            parts += [*write(section["rows"]), _conditions(section)]
    parts += ["## How each library is used", "\n".join(f"- **{one.name}**: {one.how}" for one in LIBRARIES)]
    return "\n\n".join(parts) + "\n"


def _conditions(section: Row) -> str:
    lines = conditions(section)
    for corpus in section["corpora"]:
        classes = list(corpus["bytes_by_class"].items())
        shares = ", ".join(f"{name} {100 * count / corpus['bytes']:.1f} %" for name, count in classes[:8])
        more = f", and {len(classes) - 8} more" if len(classes) > 8 else ""
        lines.append(
            f"- `{corpus['name']}`: {corpus['bytes']:,} bytes, {corpus['separators']:,} separators; {shares}{more}"
        )
    return "\n".join(lines)


def _encode(rows: Sequence[Row]) -> list[str]:
    parts = [
        "## Encoding a file into an array of ids, GPT-2's vocabulary",
        "MB/s (10⁶ bytes of the file a second), medians. **First**: the first call in a fresh process, with modules, "
        "kernels and vocabulary loaded. **Cold**: a new tokenizer in a process that is warm. **Warm**: repeated calls "
        "on the same tokenizer. In brackets: how many times as fast ours is, the median of the ratios within a "
        "repetition, on the same bytes: a slow library gets the beginning of the file, and ours that beginning too.",
    ]
    for corpus in dict.fromkeys(row["corpus"] for row in rows):
        for threads in (1, "all"):
            chosen = [row for row in rows if row["corpus"] == corpus and row["threads"] == threads]
            head = ["library", "MB", *(f"{call}, MB/s" for call in _CALLS), "load, s", "peak, MB", "ids"]
            parts.append(f"### `{corpus}`, {'1 thread' if threads == 1 else 'all threads'}")
            parts.append(table(head, [_encode_line(row) for row in chosen]))
    parts += [difference for row in rows if (difference := _difference(row))]
    return parts


def _encode_line(row: Row) -> list[str]:
    name = f"**{row['library']}**" if row["library"] == "ours" else row["library"]
    if "runs" not in row:
        return [name, f"{row['bytes'] / 1e6:.1f}", "–", "–", "–", "–", "–", f"failed: {row['failed']}"]
    speeds = [f"{row['megabytes_per_second'][call]:.1f}" for call in _CALLS]
    if row["library"] != "ours":
        speeds = [f"{speed} ({row['ours_over_peer'][call]:.2f}×)" for speed, call in zip(speeds, _CALLS, strict=True)]
    ids = row["ids"] if row["ids"] == "equal" else "**different**"
    return [name, f"{row['bytes'] / 1e6:.1f}", *speeds, f"{row['load_seconds']:.2f}", _megabytes(row), ids]


def _difference(row: Row) -> str | None:
    """Tell where a library's ids part from ours (said once, with the row of one thread)."""
    if row.get("ids") != "different" or row["threads"] != 1:
        return None
    found = row["difference"]
    return (
        f"The ids of {row['library']} part from ours in `{row['corpus']}` at id {found['position']:,} (separators not "
        f"counted), where the text is {found['text_from_there']!r}, in {found['text']!r}: "
        f"ours {found['ours']}, {row['library']} {found['theirs']}."
    )


def _startup(rows: Row) -> list[str]:
    files = rows["files"]
    parts = [
        "## Start-up: a fresh process to the ids of a file, everything included",
        "Seconds from the start of the process (Python, imports, vocabulary and all) to the ids, medians; all threads. "
        "In brackets: how many times as fast ours is.",
    ]
    for corpus in dict.fromkeys(row["corpus"] for row in files):
        chosen = [row for row in files if row["corpus"] == corpus]
        names = list(dict.fromkeys(row["library"] for row in chosen))
        sizes = sorted({row["bytes"] for row in chosen})
        found = {(row["library"], row["bytes"]): row for row in chosen}
        lines = [[_size(size), *(_seconds(found.get((name, size))) for name in names)] for size in sizes]
        parts += [f"### `{corpus}`", table(["file", *names], lines)]
        parts.append("\n".join(f"- {line}" for line in crossings(chosen)))
    lines = [
        [row["step"], row["library"], f"{row['seconds']:.3f}", f"{row['seconds_above_python']:.3f}"]
        for row in rows["steps"]
    ]
    head = ["step", "library", "seconds", "above `python -c pass`"]
    return [*parts, "### The first steps", table(head, lines)]


def crossings(rows: Sequence[Row]) -> list[str]:
    """Say for each peer from which size of file a fresh process of ours is the faster one."""
    seconds: dict[str, dict[int, float]] = {}
    for row in rows:
        seconds.setdefault(row["library"], {})[row["bytes"]] = row["seconds"]
    said = []
    for name, theirs in seconds.items():
        if name == "ours":
            continue
        size = figures.size_from_which_faster(seconds["ours"], theirs)
        largest = _size(max(theirs))
        said.append(
            f"against {name}: no size up to {largest}, the largest measured, is large enough"
            if size is None
            else f"against {name}: faster from {_size(size)} on (measured up to {largest})"
        )
    return said


def _train(rows: Row) -> list[str]:
    head = ["library", "entries", "seconds", "peak, MB", "tokens also in ours"]
    parts = [
        "## Training",
        "From the file to the vocabulary, `<|endoftext|>` the only special token; kernels loaded before. In brackets: "
        "how many times as fast ours is. Libraries break ties between equally frequent pairs in different ways.",
    ]
    for corpus in dict.fromkeys(row["corpus"] for row in rows["corpora"]):
        chosen = [row for row in rows["corpora"] if row["corpus"] == corpus]
        parts += [f"### `{corpus}`, {_size(chosen[0]['bytes'])}", table(head, [_train_line(row) for row in chosen])]
    if rows["large"]:
        size = _size(rows["large"][0]["bytes"])
        parts += [
            f"### The corpora repeated to {size}, one run",
            table(head, [_train_line(row) for row in rows["large"]]),
        ]
    return parts


def _train_line(row: Row) -> list[str]:
    common = f"{100 * row['tokens_in_common']:.1f} %"
    return [row["library"], f"{row['vocab_size']:,}", _seconds(row), _megabytes(row), common]


def _scaling(rows: Sequence[Row]) -> list[str]:
    head = ["corpus", "file", "seconds", "times the smallest", "peak, MB", "of it before the call"]
    lines = [
        [
            row["corpus"],
            _size(row["bytes"]),
            f"{row['seconds']:.3f}",
            f"{row['seconds_over_smallest']:.2f}",
            _megabytes(row),
            f"{row['peak_bytes_before'] / 1e6:.0f}",
        ]
        for row in rows
    ]
    return ["## Scaling: `encode_file` on a file ten times larger", table(head, lines)]


def _seconds(row: Row | None) -> str:
    if row is None:
        return "–"
    return f"{row['seconds']:.3f}" + ("" if row["library"] == "ours" else f" ({row['ours_over_peer']:.2f}×)")


def _megabytes(row: Row) -> str:
    return f"{row['peak_bytes'] / 1e6:.0f}"


def _size(size: int) -> str:
    return f"{size / 1e6:,.4g} MB" if size >= 1_000_000 else f"{size / 1e3:,.4g} kB"
