"""The page of the tokenizer's results, made from the JSON alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.common.markdown import (
    NOT_MEASURED,
    conditions,
    failed_cells,
    library_name,
    megabytes,
    table,
    write_page,
)
from benchmarks.tokenizer.libraries import LIBRARIES

Row = dict[str, Any]
_CALLS = ("first", "cold", "warm")


def page(results: dict[str, Any]) -> str:
    """Return the page: each section that has been measured, and how it was measured."""
    writers = {"encode": _encode, "startup": _startup, "train": _train, "scaling": _scaling}
    libraries = "\n".join(f"- **{library.name}**: {library.how}" for library in LIBRARIES)
    return write_page("tokenizer", results, writers, "## How each library is used", libraries)


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


def _encode(section: Row) -> list[str]:
    rows = section["rows"]
    parts = [
        "## Encoding a file to an array of ids, GPT-2's vocabulary",
        "Medians in MB/s (10⁶ bytes of the file per second). **First**: the first call in a fresh process, with "
        "modules, kernels and vocabulary loaded. **Cold**: a new tokenizer in a warm process. **Warm**: repeated calls "
        "on the same tokenizer. In parentheses: how many times as fast ours is, the median of the ratios of the same "
        "repetition, on the same bytes: a slow library encodes only the beginning of the file, and ours is measured on "
        "that beginning too.",
    ]
    head = ["library", "MB", *(f"{call}, MB/s" for call in _CALLS), "load, s", "peak, MB", "ids"]
    for corpus in dict.fromkeys(row["corpus"] for row in rows):
        for threads, title in ((1, "1 thread"), ("all", "all threads")):
            chosen = [row for row in rows if row["corpus"] == corpus and row["threads"] == threads]
            parts.append(f"### `{corpus}`, {title}")
            parts.append(table(head, [_encode_line(row, len(head)) for row in chosen]))
    parts += [difference for row in rows if (difference := _difference(row))]
    return [*parts, _conditions(section)]


def _encode_line(row: Row, width: int) -> list[str]:
    first = [library_name(row), f"{row['bytes'] / 1e6:.1f}"]
    if "runs" not in row:
        return failed_cells(first, row["failed"], width)
    speeds = [f"{row['megabytes_per_second'][call]:.1f}" for call in _CALLS]
    if row["library"] != "ours":
        speeds = [f"{speed} ({row['ours_over_peer'][call]:.2f}×)" for speed, call in zip(speeds, _CALLS, strict=True)]
    ids = row["ids"] if row["ids"] == "equal" else "**different**"
    return [*first, *speeds, f"{row['load_seconds']:.2f}", megabytes(row), ids]


def _difference(row: Row) -> str | None:
    """Describe the first id of a library that differs from ours, once for both numbers of threads."""
    if row.get("ids") != "different" or row["threads"] != 1:
        return None
    found = row["difference"]
    return (
        f"The ids of {row['library']} first differ from ours in `{row['corpus']}` at id {found['position']:,} (not "
        f"counting separators), where the text is {found['text_from_there']!r}, in {found['text']!r}: "
        f"ours {found['ours']}, {row['library']} {found['theirs']}."
    )


def _startup(section: Row) -> list[str]:
    files = section["rows"]["files"]
    parts = [
        "## Start-up: from the start of a process to the ids of a file",
        "Median seconds from the start of the process to the ids, including Python itself, imports and loading the "
        "vocabulary; all threads. In parentheses: how many times as fast ours is.",
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
        for row in section["rows"]["steps"]
    ]
    head = ["step", "library", "seconds", "above `python -c pass`"]
    return [*parts, "### The first steps", table(head, lines), _conditions(section)]


def crossings(rows: Sequence[Row]) -> list[str]:
    """Return a sentence for each peer: from which size of file a fresh process of ours is faster."""
    seconds: dict[str, dict[int, float]] = {}
    for row in rows:
        seconds.setdefault(row["library"], {})[row["bytes"]] = row["seconds"]
    sentences = []
    for name, theirs in seconds.items():
        if name == "ours":
            continue
        size = size_from_which_faster(seconds["ours"], theirs)
        largest = _size(max(theirs))
        sentences.append(
            f"compared with {name}: ours is not faster at any size up to {largest}, the largest measured"
            if size is None
            else f"compared with {name}: ours is faster from {_size(size)} upwards (measured up to {largest})"
        )
    return sentences


def size_from_which_faster(ours: Mapping[int, float], peer: Mapping[int, float]) -> int | None:
    """Return the smallest size at which ours is faster, and also at all larger sizes; None if there is none.

    Args:
        ours: seconds by size in bytes.
        peer: the same; sizes that only one of the two has are ignored.
    """
    found = None
    for size in sorted(ours.keys() & peer.keys(), reverse=True):
        if ours[size] >= peer[size]:
            break
        found = size
    return found


def _train(section: Row) -> list[str]:
    rows = section["rows"]
    head = ["library", "entries", "seconds", "peak, MB", "tokens also in ours"]
    parts = [
        "## Training",
        "From a file to a vocabulary, with `<|endoftext|>` as the only special token; kernels are loaded already. In "
        "parentheses: how many times as fast ours is. Libraries break ties between equally frequent pairs differently.",
    ]
    for corpus in dict.fromkeys(row["corpus"] for row in rows["corpora"]):
        chosen = [row for row in rows["corpora"] if row["corpus"] == corpus]
        parts += [f"### `{corpus}`, {_size(chosen[0]['bytes'])}", table(head, map(_train_line, chosen))]
    if rows["large"]:
        size = _size(rows["large"][0]["bytes"])
        parts += [f"### The corpora repeated to {size}, one run", table(head, map(_train_line, rows["large"]))]
    return [*parts, _conditions(section)]


def _train_line(row: Row) -> list[str]:
    common = f"{100 * row['tokens_in_common']:.1f} %"
    return [library_name(row), f"{row['vocab_size']:,}", _seconds(row), megabytes(row), common]


def _scaling(section: Row) -> list[str]:
    head = ["corpus", "file", "seconds", "times the smallest", "peak, MB", "before the call, MB"]
    lines = [
        [
            row["corpus"],
            _size(row["bytes"]),
            f"{row['seconds']:.3f}",
            f"{row['seconds_over_smallest']:.2f}",
            megabytes(row),
            f"{row['peak_bytes_before'] / 1e6:.0f}",
        ]
        for row in section["rows"]
    ]
    return ["## Scaling: `encode_file` on a file ten times larger", table(head, lines), _conditions(section)]


def _seconds(row: Row | None) -> str:
    if row is None:
        return NOT_MEASURED
    return f"{row['seconds']:.3f}" + ("" if row["library"] == "ours" else f" ({row['ours_over_peer']:.2f}×)")


def _size(size: int) -> str:
    return f"{size / 1e6:,.4g} MB" if size >= 1_000_000 else f"{size / 1e3:,.4g} kB"
