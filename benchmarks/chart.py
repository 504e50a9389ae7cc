"""The picture of the results: encoding speed as bars."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

Row = dict[str, Any]
_CALLS = {"first": "first call", "cold": "cold cache", "warm": "warm cache"}
_OURS = {1: "#eda5ae", "all": "#d1495b"}
_PEERS = {1: "#b8c4d0", "all": "#5b7083"}


def draw(rows: Sequence[Row], folder: Path, name: str) -> list[Path]:
    """Write `name.svg` and `name.png`: a panel for each corpus and kind of call, a pair of bars for each library.

    Args:
        rows: the rows of the encoding section; of ours those on whole files are drawn.
        folder: where the pictures go.
        name: their name without the ending.
    """
    import matplotlib

    matplotlib.use("agg")
    matplotlib.rcParams["svg.hashsalt"] = name  # the same figures give the same file
    from matplotlib import pyplot
    from matplotlib.patches import Patch

    corpora = list(dict.fromkeys(row["corpus"] for row in rows))
    libraries = list(dict.fromkeys(row["library"] for row in rows))
    figure, axes = pyplot.subplots(
        len(corpora),
        len(_CALLS),
        figsize=(12, 1.2 + (0.62 * len(libraries) + 0.7) * len(corpora)),
        squeeze=False,
        layout="constrained",
    )
    for line, corpus in zip(axes, corpora, strict=True):
        for panel, (call, title) in zip(line, _CALLS.items(), strict=True):
            _panel(panel, libraries, [row for row in rows if row["corpus"] == corpus], call)
            panel.set_title(f"{corpus}: {title}", fontsize=10)
    for panel in axes[-1]:
        panel.set_xlabel("MB/s")
    keys = {"ours, all threads": _OURS["all"], "ours, 1 thread": _OURS[1]}
    keys |= {"peers, all threads": _PEERS["all"], "peers, 1 thread": _PEERS[1]}
    figure.legend(
        handles=[Patch(color=color, label=label) for label, color in keys.items()], loc="outside lower center", ncols=4
    )
    figure.suptitle("Encoding a file with GPT-2's vocabulary (more is better)")
    written = [folder / f"{name}.svg", folder / f"{name}.png"]
    figure.savefig(written[0], metadata={"Date": None})
    figure.savefig(written[1], dpi=130)
    pyplot.close(figure)
    return written


def _panel(panel: Any, libraries: Sequence[str], rows: Sequence[Row], call: str) -> None:
    """Draw one pair of bars for each library, the first one on top."""
    for place, library in enumerate(libraries):
        for threads, shift in (("all", -0.2), (1, 0.2)):
            speed = _speed(rows, library, threads, call)
            if speed is None:
                continue
            colors = _OURS if library == "ours" else _PEERS
            bar = panel.barh(place + shift, speed, height=0.38, color=colors[threads])
            panel.bar_label(bar, labels=[f"{speed:,.0f}" if speed >= 100 else f"{speed:.3g}"], padding=3, fontsize=8)
    panel.set_yticks(range(len(libraries)), libraries)
    panel.invert_yaxis()
    panel.margins(x=0.15)
    panel.spines[["top", "right"]].set_visible(False)


def _speed(rows: Sequence[Row], library: str, threads: int | str, call: str) -> float | None:
    """Return the speed on the largest part of the corpus that the library got."""
    found = [row for row in rows if row["library"] == library and row["threads"] == threads and "runs" in row]
    return max(found, key=lambda row: row["bytes"])["megabytes_per_second"][call] if found else None
