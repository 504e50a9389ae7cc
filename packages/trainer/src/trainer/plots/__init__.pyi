from .curves import (
    Axis as Axis,
    Curve as Curve,
    PlotError as PlotError,
    read_curves as read_curves,
    run_labels as run_labels,
)
from .figure import draw_curves as draw_curves, save_figure as save_figure
from .run_curves import plot_loss as plot_loss, plot_runs as plot_runs
