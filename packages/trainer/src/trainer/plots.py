"""Curves of a run."""

from pathlib import Path

from matplotlib.figure import Figure

from trainer.reporting import read_metrics
from trainer.run_directory import RunDirectory


def plot_loss(run: RunDirectory) -> Path:
    """Draw training and validation loss over the steps into `plots/loss.png`, and return its path."""
    entries = read_metrics(run.metrics)
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for key, label, style in (("train_loss", "training", "-"), ("valid_loss", "validation", "o-")):
        points = [(entry["step"], entry[key]) for entry in entries if key in entry]
        if points:
            steps, losses = zip(*points, strict=True)
            axes.plot(steps, losses, style, label=label, markersize=4, linewidth=1.2)
    axes.set_xlabel("step")
    axes.set_ylabel("loss (nats per token)")
    axes.set_title(run.path.name)
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend()
    path = run.plots / "loss.png"
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=150)
    return path
