"""The chart of the model's results: tokens per second as bars."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.common.bar_chart import OURS, PEERS, chart, draw_bar, finish_panel

Row = dict[str, Any]
_TITLES = {"train": "training", "generate": "greedy decoding"}


def draw(results: dict[str, Any], folder: Path) -> str | None:
    """Write `model.svg` and `model.png`, if training or decoding was measured, and return their caption.

    There is a panel for each shape and device, with one bar for each library and mode.
    """
    panels = _panels(results["sections"])
    if not panels:
        return None
    columns = min(2, len(panels))
    lines = -(-len(panels) // columns)
    title = "Ours (red) and its peers: tokens per second (more is better)"
    with chart(folder, "model", title, lines, columns, 0.8 + 2.9 * lines) as (_figure, axes):
        for unused in axes.flat[len(panels) :]:
            unused.remove()
        for panel, (name, rows) in zip(axes.flat, panels, strict=False):
            _draw_panel(panel, rows)
            finish_panel(panel, [f"{row['library']}, {row['mode']}" for row in rows], name, font_size=8)
            panel.set_xlabel("tokens/s")
    return "Tokens per second of all models"


def _panels(sections: Mapping[str, Any]) -> list[tuple[str, list[Row]]]:
    """Return the title and the rows of each panel."""
    found: dict[str, list[Row]] = {}
    for section, title in _TITLES.items():
        for row in sections[section]["rows"]["rows"] if section in sections else []:
            if "failed" not in row:
                several = f", {row['sequences']} sequences" if row.get("sequences", 1) > 1 else ""
                found.setdefault(f"{title}, {row['shape']}, {row['device']}{several}", []).append(row)
    return list(found.items())


def _draw_panel(panel: Any, rows: Sequence[Row]) -> None:
    for place, row in enumerate(rows):
        colors = OURS if row["library"] == "ours" else PEERS
        draw_bar(panel, place, 0.75, row["tokens_per_second"], colors[row["mode"] == "compiled"])
