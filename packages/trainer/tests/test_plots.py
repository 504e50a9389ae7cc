import json
import math
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given, strategies as st
from matplotlib.colors import to_rgb

from trainer import RunDirectory
from trainer.plots import Curve, PlotError, draw_curves, plot_loss, plot_runs, read_curves, save_figure
from trainer.plots.curves import points_of
from trainer.plots.style import look

PNG = b"\x89PNG\r\n\x1a\n"


def make_run(folder, *entries):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return RunDirectory(folder)


def usual(steps=9, offset=0.0):
    entries = [
        {"step": step, "tokens": 8 * step, "seconds": 2.0 * step, "train_loss": 3 + offset - step / 10}
        for step in range(1, steps + 1)
    ]
    return [*entries, {"step": steps, "seconds": 2.0 * steps + 1, "valid_loss": 2.2 + offset}]


# ---- points


def test_points_along_each_axis():
    entries = usual(3)
    assert points_of(entries, "train_loss") == ((1, 2.9), (2, 2.8), (3, 2.7))
    assert points_of(entries, "train_loss", "tokens") == ((8, 2.9), (16, 2.8), (24, 2.7))
    assert points_of(entries, "train_loss", "time") == ((2.0, 2.9), (4.0, 2.8), (6.0, 2.7))
    assert points_of(entries, "valid_loss", "time") == ((7.0, 2.2),)
    assert points_of(entries, "valid_loss", "tokens") == ((24, 2.2),)  # interpolated
    assert points_of(entries, "grad_norm") == ()
    assert points_of([], "train_loss", "time") == ()


def test_a_missing_position_is_interpolated_or_extrapolated():
    entries = [{"step": step, "tokens": 10 * step} for step in (2, 4, 8)]
    entries += [{"step": step, "valid_loss": 1.0} for step in (1, 3, 6, 10)]
    entries.sort(key=lambda entry: entry["step"])
    assert [position for position, _ in points_of(entries, "valid_loss", "tokens")] == [10, 30, 60, 100]
    assert points_of([{"step": 1, "valid_loss": 1.0}], "valid_loss", "tokens") == ()
    one = [{"step": 4, "tokens": 40}, {"step": 4, "valid_loss": 1.0}, {"step": 5, "valid_loss": 1.0}]
    assert points_of(one, "valid_loss", "tokens") == ((40, 1.0),)


@pytest.mark.parametrize("value", [None, math.nan, math.inf, "2.0", True, [1]])
def test_what_is_not_a_finite_number_is_a_gap(value):
    points = points_of([{"step": 1, "x": 1.0}, {"step": 2, "x": value}, {"step": 3, "x": 2}], "x")
    assert [position for position, _ in points] == [1, 2, 3]
    assert math.isnan(points[1][1])


@given(st.lists(st.integers(0, 20), min_size=1, max_size=6), st.integers(1, 5))
def test_the_last_session_counts_after_a_run_went_back(checkpoints, length):
    """Sessions that each start from some step and report a few: the points are those of a dictionary by step, from
    which the steps after a checkpoint are removed when the run is resumed from it."""
    entries, expected = [], {}
    for session, checkpoint in enumerate(checkpoints):
        if expected:
            start = min(checkpoint, max(expected))
            expected = {step: value for step, value in expected.items() if step <= start}
        else:
            start = checkpoint
        for step in range(start + 1, start + 1 + length):
            entries.append({"step": step, "x": session})
            expected[step] = session
    assert points_of(entries, "x") == tuple(sorted(expected.items()))


def test_runs_of_the_same_name_have_different_labels(tmp_path):
    runs = [make_run(tmp_path / name, *usual()) for name in ("1/a", "2/a", "b")]
    assert [curve.run for curve in read_curves(runs, "valid_loss")] == ["1/a", "2/a", "b"]
    assert [curve.run for curve in read_curves([runs[0], runs[0]], "valid_loss")] == ["a", "a"]


# ---- figures


def lines_of(figure):
    """The colour, dashes and points of each curve of a figure."""
    return [(line.get_color(), line.get_linestyle(), line.get_xydata().tolist()) for line in figure.axes[0].lines]


def legend_of(figure):
    legends = [*figure.legends, *([figure.axes[0].get_legend()] if figure.axes[0].get_legend() else [])]
    return [text.get_text() for legend in legends for text in legend.get_texts()]


def test_one_run_has_two_curves_of_one_colour(tmp_path):
    run = make_run(tmp_path / "one", *usual())
    figure = draw_curves(read_curves([run], "loss"), "loss", title="one")
    train, valid = lines_of(figure)
    assert train[0] == valid[0]
    assert train[2] == [[entry["step"], entry["train_loss"]] for entry in usual()[:-1]]
    assert valid[2] == [[9, 2.2]]
    assert legend_of(figure) == ["training loss", "validation loss"]
    assert figure.axes[0].get_ylabel() == "loss (nats per token)"
    assert figure.axes[0].get_title() == "one"


def test_twelve_runs_are_distinguishable(tmp_path):
    runs = [make_run(tmp_path / f"run{number}", *usual(offset=number)) for number in range(12)]
    figure = draw_curves(read_curves(runs, "valid_loss"), "valid_loss")
    looks = [(colour, dashes) for colour, dashes, _ in lines_of(figure)]
    assert len(set(looks)) == 12
    assert legend_of(figure) == [f"run{number}" for number in range(12)]
    figure.draw_without_rendering()
    (legend,) = figure.legends
    assert legend.get_window_extent().x0 >= figure.axes[0].get_window_extent().x1  # next to the axes
    assert legend.get_window_extent().x1 <= figure.bbox.x1 + 1
    assert legend.get_window_extent().y0 >= 0


def test_colours_are_far_apart():
    colours = [to_rgb(look(number).colour) for number in range(7)]
    distances = [math.dist(one, other) for one in colours for other in colours if one != other]
    assert min(distances) > 0.25  # of √3, black to white


def test_a_run_keeps_its_colour_if_another_has_no_values(tmp_path):
    runs = [make_run(tmp_path / "a"), make_run(tmp_path / "b", *usual())]
    figure = draw_curves(read_curves(runs, "valid_loss"), "valid_loss")
    assert [colour for colour, _, _ in lines_of(figure)] == [look(1).colour]
    assert legend_of(figure) == ["b"]


def test_time_is_shown_in_a_suitable_unit():
    curve = Curve("a", "x", ((0.0, 1.0), (7200.0, 2.0), (36_000.0, 3.0)))
    axes = draw_curves([curve], "x", "time").axes[0]
    assert axes.get_xlabel() == "time in training (hours)"
    assert axes.lines[0].get_xdata().tolist() == [0, 2, 10]


def test_axes_can_be_logarithmic():
    curve = Curve("a", "x", ((0.0, 0.0), (10.0, 1.0), (1000.0, -2.0), (1001.0, 5e20)))
    figure = draw_curves([curve], "x", log_x=True, log_y=True)
    assert (figure.axes[0].get_xscale(), figure.axes[0].get_yscale()) == ("log", "log")
    figure.draw_without_rendering()


def test_a_value_between_gaps_is_marked():
    curve = Curve("a", "x", tuple((float(step), 1.0 if step in (0, 50, 98, 99) else math.nan) for step in range(100)))
    (line,) = draw_curves([curve], "x").axes[0].lines
    assert line.get_markevery() == [0, 50]
    assert line.get_marker() == "o"


def test_the_same_curves_give_the_same_bytes(tmp_path):
    """Also in another process on another day: the files contain no date, version or random name."""
    runs = [make_run(tmp_path / name, *usual()) for name in "ab"]
    here, there = (tmp_path / "here", tmp_path / "there")
    here.mkdir()
    there.mkdir()
    names = ["curves.png", "curves.svg"]
    for name in names:
        plot_runs(runs, here / name)
    program = (
        "import sys; from pathlib import Path; from trainer import RunDirectory; from trainer.plots import plot_runs\n"
        "for out in sys.argv[3:]: plot_runs([RunDirectory(Path(run)) for run in sys.argv[1:3]], Path(out))"
    )
    command = [sys.executable, "-c", program, *(run.path for run in runs), *(there / name for name in names)]
    subprocess.run(command, check=True, env={**os.environ, "SOURCE_DATE_EPOCH": "1000000000"})
    for name in names:
        content = (here / name).read_bytes()
        assert content == (there / name).read_bytes()
        assert b"matplotlib.org" not in content
    assert sorted(path.name for path in here.iterdir()) == names


def test_the_formats(tmp_path):
    run = make_run(tmp_path / "a", *usual())
    plot_runs([run], tmp_path / "picture.PNG")
    assert (tmp_path / "picture.PNG").read_bytes().startswith(PNG)
    plot_runs([run], tmp_path / "picture.svg")
    root = ElementTree.fromstring((tmp_path / "picture.svg").read_bytes())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    for name in ("picture.pdf", "picture"):
        with pytest.raises(PlotError, match=r"picture.* ends in .*: choose one of \.png, \.svg"):
            plot_runs([run], tmp_path / name)


def test_the_error_for_an_unknown_metric_names_the_known_ones(tmp_path):
    run = make_run(tmp_path / "a", *usual())
    with pytest.raises(PlotError, match="no run has los: choose one of tokens, seconds, train_loss, valid_loss"):
        plot_runs([run], tmp_path / "picture.png", metric="los")
    with pytest.raises(PlotError, match="no run has train_loss or valid_loss: no metrics have been reported yet"):
        plot_runs([make_run(tmp_path / "b")], tmp_path / "picture.png")
    assert not (tmp_path / "picture.png").exists()


def test_a_plot_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    figure = draw_curves([], "loss")

    def fails(path, **_):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(figure, "savefig", fails)
    (tmp_path / "picture.png").write_bytes(b"old")
    with pytest.raises(OSError, match="No space"):
        save_figure(figure, tmp_path / "picture.png")
    assert [path.name for path in tmp_path.iterdir()] == ["picture.png"]
    assert (tmp_path / "picture.png").read_bytes() == b"old"


def test_the_curves_are_drawn(tmp_path):
    run = RunDirectory(tmp_path)
    entries = [{"step": step, "train_loss": 3 - step / 10} for step in range(1, 10)] + [{"step": 9, "valid_loss": 2.2}]
    run.metrics.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    path = plot_loss(run)
    assert path == tmp_path / "plots" / "loss.png"
    assert path.read_bytes().startswith(PNG)
    full = path.stat().st_size
    run.metrics.write_text("")
    assert plot_loss(run).read_bytes().startswith(PNG)
    assert path.stat().st_size < full  # without metrics there are no curves


def test_unknown_values_alone_are_not_plotted(tmp_path):
    run = make_run(tmp_path / "run", *({"step": step, "mfu": None} for step in (1, 2)))
    with pytest.raises(PlotError, match="no run has mfu"):
        plot_runs([run], tmp_path / "x.png", metric="mfu")
    assert not (tmp_path / "x.png").exists()
