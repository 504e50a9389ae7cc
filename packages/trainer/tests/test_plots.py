import json

from trainer import RunDirectory, plot_loss

PNG = b"\x89PNG\r\n\x1a\n"


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
    assert path.stat().st_size < full  # without figures there are no curves
