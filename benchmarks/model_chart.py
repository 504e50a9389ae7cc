"""The picture of the model's results: tokens a second as bars, training on the left, decoding on the right."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Row = dict[str, Any]
_OURS = {"eager": "#eda5ae", "compiled": "#d1495b"}
_PEERS = {"eager": "#b8c4d0", "compiled": "#5b7083"}
_TITLES = {"train": "training", "generate": "greedy decoding"}


def draw(sections: Mapping[str, Any], folder: Path, name: str) -> list[Path]:
    """Write `name.svg` and `name.png`: a panel for each shape and device, a bar for each library and mode.

    Args:
        sections: the sections of the results; of those that are drawn at least one must be there.
        folder: where the pictures go.
        name: their name without the ending.
    """
    import matplotlib

    matplotlib.use("agg")
    matplotlib.rcParams["svg.hashsalt"] = name  # the same figures give the same file
    from matplotlib import pyplot

    panels = [
        (f"{_TITLES[section]}, {shape}, {device}", rows)
        for section in _TITLES
        if section in sections
        for (shape, device), rows in _by_shape(sections[section]["rows"]["rows"]).items()
    ]
    columns = min(2, len(panels))
    lines = -(-len(panels) // columns)
    figure, axes = pyplot.subplots(lines, columns, figsize=(12, 0.8 + 2.9 * lines), squeeze=False, layout="constrained")
    for panel in axes.flat[len(panels) :]:
        panel.remove()
    for panel, (title, rows) in zip(axes.flat, panels, strict=False):
        _panel(panel, rows)
        panel.set_title(title, fontsize=10)
        panel.set_xlabel("tokens/s")
    figure.suptitle("Ours (red) and its peers: tokens a second (more is better)")
    written = [folder / f"{name}.svg", folder / f"{name}.png"]
    figure.savefig(written[0], metadata={"Date": None})
    figure.savefig(written[1], dpi=130)
    pyplot.close(figure)
    return written


def _by_shape(rows: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if "failed" not in row:
            found.setdefault((row["shape"], row["device"]), []).append(row)
    return found


def _panel(panel: Any, rows: Sequence[Row]) -> None:
    """Draw one bar for each row, the first one on top."""
    for place, row in enumerate(rows):
        colors = _OURS if row["library"] == "ours" else _PEERS
        speed = row["tokens_per_second"]
        bar = panel.barh(place, speed, height=0.75, color=colors.get(row["mode"], colors["eager"]))
        panel.bar_label(bar, labels=[f"{speed:,.0f}" if speed >= 100 else f"{speed:.3g}"], padding=3, fontsize=8)
    panel.set_yticks(range(len(rows)), [f"{row['library']}, {row['mode']}" for row in rows], fontsize=8)
    panel.invert_yaxis()
    panel.margins(x=0.15)
    panel.spines[["top", "right"]].set_visible(False)
