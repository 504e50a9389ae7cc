import pytest

from trainer import RunDirectory, WandbConfig, read_metrics
from trainer.config import ReportingConfig
from trainer.reporting import Reporter, Reporters, ReportingError, make_reporters


def test_all_reporters_are_called_and_closed():
    class Recorder:
        def __init__(self):
            self.received = []

        def metrics(self, step, values):
            self.received.append((step, values))

        def message(self, text):
            self.received.append(text)

        def close(self, *, failed):
            self.received.append("failed" if failed else "closed")
            order.append(recorders.index(self))
            if len(recorders) > 1 and self is recorders[0]:
                raise OSError("cannot close")

    order = []
    recorders = [Recorder(), Recorder()]
    with pytest.raises(OSError, match="cannot close"), Reporters(recorders) as reporter:
        reporter.metrics(1, {})
        reporter.message("hello")
        raise RuntimeError
    assert [recorder.received for recorder in recorders] == [[(1, {}), "hello", "failed"]] * 2
    assert order == [1, 0]  # the console is closed last, so that it can print the warnings of the others
    recorders = [Recorder()]
    with Reporters(recorders):
        pass
    assert recorders[0].received == ["closed"]


def test_a_second_ctrl_c_abandons_all():
    class Slow(Reporter):
        def close(self, *, failed):
            raise AssertionError("it waits")

        def abandon(self):
            abandoned.append(self)

    abandoned = []
    reporters = [Slow(), Slow()]
    with pytest.raises(KeyboardInterrupt), Reporters(reporters):
        raise KeyboardInterrupt
    assert abandoned == reporters[::-1]


def make(run, *, mode="disabled", tensorboard=False):
    return make_reporters(
        run, 0, 10, wandb=WandbConfig(mode=mode), reporting=ReportingConfig(tensorboard=tensorboard), run_config={}
    )


def test_if_a_service_fails_there_is_one_warning_and_the_others_continue(tmp_path, monkeypatch, capfd):
    import wandb

    def fails(**_):
        raise TimeoutError("nobody answers")

    monkeypatch.setattr(wandb, "init", fails)
    run = RunDirectory(tmp_path)
    with make(run, mode="offline") as reporter:
        for step in range(1, 4):
            reporter.metrics(step, {"train_loss": 1.0})
    assert [entry["step"] for entry in read_metrics(run.metrics)] == [1, 2, 3]
    warning = "warning: reporting to Weights & Biases has stopped (nobody answers); metrics.jsonl contains all metrics"
    assert run.log.read_text().count(warning) == 1
    assert capfd.readouterr().out.count(warning) == 1


def test_metrics_that_cannot_be_written_are_an_error(tmp_path):
    run = RunDirectory(tmp_path)
    run.metrics.mkdir()
    with pytest.raises(OSError, match=r"metrics\.jsonl"):
        make(run)


def test_without_tensorboard_nothing_is_opened(tmp_path, monkeypatch):
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ReportingError, match=r"reporting\.tensorboard is true"):
        make(RunDirectory(tmp_path), tensorboard=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("peak", [0.0, -1.0, float("inf"), float("nan")])
def test_an_invalid_peak_is_refused(peak):
    with pytest.raises(ValueError, match=r"reporting\.peak_flops is .*: give a number above 0"):
        ReportingConfig(peak_flops=peak)
