"""The chart of the tokenizer's results: encoding speed as bars."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.common.bar_chart import OURS, PEERS, chart, draw_bar, finish_panel

Row = dict[str, Any]
_CALLS = {"first": "first call", "cold": "cold cache", "warm": "warm cache"}
_SHADES = {1: 0, "all": 1}


def draw(results: dict[str, Any], folder: Path) -> str | None:
    """Write `tokenizer.svg` and `tokenizer.png`, if encoding was measured, and return their caption.

    There is a panel for each corpus and kind of call, with two bars for each library: all threads and one thread.
    """
    if "encode" not in results["sections"]:
        return None
    rows = results["sections"]["encode"]["rows"]
    corpora = list(dict.fromkeys(row["corpus"] for row in rows))
    libraries = list(dict.fromkeys(row["library"] for row in rows))
    title = "Encoding a file with GPT-2's vocabulary (more is better)"
    height = 1.2 + (0.62 * len(libraries) + 0.7) * len(corpora)
    with chart(folder, "tokenizer", title, len(corpora), len(_CALLS), height) as (figure, panels):
        for line, corpus in zip(panels, corpora, strict=True):
            for panel, (call, name) in zip(line, _CALLS.items(), strict=True):
                _draw_panel(panel, libraries, [row for row in rows if row["corpus"] == corpus], call)
                finish_panel(panel, libraries, f"{corpus}: {name}")
        for panel in panels[-1]:
            panel.set_xlabel("MB/s")
        _draw_legend(figure)
    return "Encoding speed of all libraries"


def _draw_legend(figure: Any) -> None:
    from matplotlib.patches import Patch

    names = {"ours, all threads": OURS[1], "ours, 1 thread": OURS[0]}
    names |= {"peers, all threads": PEERS[1], "peers, 1 thread": PEERS[0]}
    patches = [Patch(color=color, label=label) for label, color in names.items()]
    figure.legend(handles=patches, loc="outside lower center", ncols=4)


def _draw_panel(panel: Any, libraries: Sequence[str], rows: Sequence[Row], call: str) -> None:
    for place, library in enumerate(libraries):
        for threads, shift in (("all", -0.2), (1, 0.2)):
            speed = _speed(rows, library, threads, call)
            if speed is not None:
                colors = OURS if library == "ours" else PEERS
                draw_bar(panel, place + shift, 0.38, speed, colors[_SHADES[threads]])


def _speed(rows: Sequence[Row], library: str, threads: int | str, call: str) -> float | None:
    """Return the speed on the largest file that the library encoded, or None if it encoded none."""
    found = [row for row in rows if row["library"] == library and row["threads"] == threads and "runs" in row]
    return max(found, key=lambda row: row["bytes"])["megabytes_per_second"][call] if found else None
