import pytest

from trainer import RunDirectory, WandbConfig, read_metrics
from trainer.config import ReportingConfig
from trainer.reporting.reporter import Reporter
from trainer.reporting.reporters import Reporters, ReportingError, make_reporters


def test_all_reporters_are_told_and_closed():
    class Recorder:
        def __init__(self):
            self.told = []

        def metrics(self, step, values):
            self.told.append((step, values))

        def message(self, text):
            self.told.append(text)

        def close(self, *, failed):
            self.told.append("failed" if failed else "closed")
            order.append(recorders.index(self))
            if len(recorders) > 1 and self is recorders[0]:
                raise OSError("cannot close")

    order = []
    recorders = [Recorder(), Recorder()]
    with pytest.raises(OSError, match="cannot close"), Reporters(recorders) as reporter:
        reporter.metrics(1, {})
        reporter.message("hello")
        raise RuntimeError
    assert [recorder.told for recorder in recorders] == [[(1, {}), "hello", "failed"]] * 2
    assert order == [1, 0]  # the console, which is among the first, can still take the warnings of the last
    recorders = [Recorder()]
    with Reporters(recorders):
        pass
    assert recorders[0].told == ["closed"]


def test_a_second_ctrl_c_leaves_them_all():
    class Slow(Reporter):
        def close(self, *, failed):
            raise AssertionError("it waits")

        def leave(self):
            left.append(self)

    left = []
    reporters = [Slow(), Slow()]
    with pytest.raises(KeyboardInterrupt), Reporters(reporters):
        raise KeyboardInterrupt
    assert left == reporters[::-1]


def make(run, *, mode="disabled", tensorboard=False):
    return make_reporters(
        run, 0, 10, wandb=WandbConfig(mode=mode), reporting=ReportingConfig(tensorboard=tensorboard), run_config={}
    )


def test_a_service_that_fails_is_one_line_in_the_log_and_the_rest_goes_on(tmp_path, monkeypatch, capfd):
    import wandb

    def fails(**_):
        raise TimeoutError("nobody answers")

    monkeypatch.setattr(wandb, "init", fails)
    run = RunDirectory(tmp_path)
    with make(run, mode="offline") as reporter:
        for step in range(1, 4):
            reporter.metrics(step, {"train_loss": 1.0})
    assert [entry["step"] for entry in read_metrics(run.metrics)] == [1, 2, 3]
    warning = "warning: Weights & Biases is left out from here on (nobody answers); metrics.jsonl has everything"
    assert run.log.read_text().count(warning) == 1
    assert capfd.readouterr().out.count(warning) == 1


def test_what_must_work_is_opened_or_refused(tmp_path):
    run = RunDirectory(tmp_path)
    run.metrics.mkdir()
    with pytest.raises(OSError, match=r"metrics\.jsonl"):
        make(run)


def test_tensorboard_that_is_missing_is_refused_before_anything_is_opened(tmp_path, monkeypatch):
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ReportingError, match=r"reporting\.tensorboard is true"):
        make(RunDirectory(tmp_path), tensorboard=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("peak", [0.0, -1.0, float("inf"), float("nan")])
def test_a_peak_that_makes_no_sense_is_refused(peak):
    with pytest.raises(ValueError, match=r"reporting\.peak_flops is .*: give a number above 0"):
        ReportingConfig(peak_flops=peak)
