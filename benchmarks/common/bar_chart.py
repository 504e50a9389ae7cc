"""Bar charts of speeds, as SVG and PNG."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

OURS = ("#eda5ae", "#d1495b")
"""The light and the dark colour of our bars."""
PEERS = ("#b8c4d0", "#5b7083")
"""The light and the dark colour of the other libraries' bars."""


@contextmanager
def chart(folder: Path, name: str, title: str, lines: int, columns: int, height: float) -> Iterator[tuple[Any, Any]]:
    """Draw a chart in the block, then write it to `name.svg` and `name.png`.

    The same data gives the same files.

    Args:
        folder: where the files are written.
        name: their name without the ending.
        title: shown above all panels.
        lines: number of lines of panels.
        columns: number of panels in a line.
        height: of the whole chart, in inches.

    Yields:
        The figure and the array of its panels.
    """
    import matplotlib

    matplotlib.use("agg")
    matplotlib.rcParams["svg.hashsalt"] = name
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(lines, columns, figsize=(12, height), squeeze=False, layout="constrained")
    yield figure, panels
    figure.suptitle(title)
    figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
    figure.savefig(folder / f"{name}.png", dpi=130)
    pyplot.close(figure)


def draw_bar(panel: Any, position: float, height: float, speed: float, color: str) -> None:
    """Draw a horizontal bar with its value beside it."""
    bar = panel.barh(position, speed, height=height, color=color)
    panel.bar_label(bar, labels=[f"{speed:,.0f}" if speed >= 100 else f"{speed:.3g}"], padding=3, fontsize=8)


def finish_panel(panel: Any, labels: Sequence[str], title: str, font_size: float = 10) -> None:
    """Label the bars, the first on top, and leave space for the values."""
    panel.set_yticks(range(len(labels)), labels, fontsize=font_size)
    panel.invert_yaxis()
    panel.margins(x=0.15)
    panel.spines[["top", "right"]].set_visible(False)
    panel.set_title(title, fontsize=10)
