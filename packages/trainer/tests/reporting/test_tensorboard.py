import importlib.util
import sys
from types import ModuleType

import pytest

from trainer.reporting import ReportingError, TensorBoard

STEPS = {"train_loss": 2.5, "mfu": None}


def test_without_the_package_it_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ReportingError, match=r"is not installed: install it .*, or use --reporting\.tensorboard false"):
        TensorBoard(tmp_path, 0)


def test_the_calls_of_the_writer(tmp_path, monkeypatch):
    calls = []

    class SummaryWriter:
        def __init__(self, folder, purge_step):
            calls.append(("open", folder, purge_step))

        def add_scalar(self, name, value, step):
            calls.append((name, value, step))

        def flush(self):
            calls.append("flush")

        def close(self):
            calls.append("close")

    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = SummaryWriter
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    for first_step in (0, 20):
        reporter = TensorBoard(tmp_path, first_step)
        reporter.metrics(first_step + 1, STEPS)
        reporter.sync()
        reporter.close(failed=False)
    assert calls == [
        *(("open", str(tmp_path), None), ("train_loss", 2.5, 1), "flush", "close"),
        *(("open", str(tmp_path), 21), ("train_loss", 2.5, 21), "flush", "close"),
    ]


@pytest.mark.filterwarnings("ignore")  # warnings of tensorboard itself
def test_tensorboard_reads_the_files(tmp_path):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    for first_step, steps in ((0, range(1, 31)), (20, range(21, 26))):
        reporter = TensorBoard(tmp_path, first_step)
        for step in steps:
            reporter.metrics(step, {"train_loss": first_step + step, "mfu": None})
        reporter.close(failed=False)
    found = events.EventAccumulator(str(tmp_path))
    found.Reload()
    values = [(event.step, event.value) for event in found.Scalars("train_loss")]
    assert values == [(step, step) for step in range(1, 21)] + [(step, 20 + step) for step in range(21, 26)]
    assert found.Tags()["scalars"] == ["train_loss"]
