import io
import json

import pytest
from rich.console import Console

from trainer import WandbConfig, read_metrics
from trainer.reporting import ConsoleAndLog, MetricsFile, Reporters, ReportingError, WeightsAndBiases

FIGURES = {"train_loss": 2.5, "tokens_per_second": 1234.0}


def test_metrics_are_one_json_object_a_line(tmp_path):
    path = tmp_path / "metrics.jsonl"
    for step in (1, 2):
        file = MetricsFile(path)  # appends, as a resumed run does
        file.metrics(step, FIGURES)
        assert json.loads(path.read_text().splitlines()[-1]) == {"step": step, **FIGURES}  # before it is closed
        file.close(failed=False)
    assert [entry["step"] for entry in read_metrics(path)] == [1, 2]


def test_a_line_cut_short_is_left_out(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\n{"step": 2, "tr')
    assert read_metrics(path) == [{"step": 1}]
    assert read_metrics(tmp_path / "none.jsonl") == []


def test_messages_go_to_console_and_log(tmp_path):
    output = io.StringIO()
    reporter = ConsoleAndLog(tmp_path / "log.txt", 0, 10, Console(file=output, force_terminal=True, width=120))
    reporter.metrics(5, FIGURES)
    reporter.message("[not markup] a line")
    reporter.metrics(10, FIGURES)
    reporter.close(failed=False)
    assert "[not markup] a line" in output.getvalue()
    assert "loss 2.500  1,234 tokens/s" in output.getvalue()
    assert "10/10" in output.getvalue()
    assert (tmp_path / "log.txt").read_text().endswith(" [not markup] a line\n")


def test_all_reporters_are_told_and_closed(tmp_path):
    class Recorder:
        def __init__(self):
            self.told = []

        def metrics(self, step, values):
            self.told.append((step, values))

        def message(self, text):
            self.told.append(text)

        def close(self, *, failed):
            self.told.append("failed" if failed else "closed")
            if len(recorders) > 1 and self is recorders[0]:
                raise OSError("cannot close")

    recorders = [Recorder(), Recorder()]
    with pytest.raises(OSError, match="cannot close"), Reporters(recorders) as reporter:
        reporter.metrics(1, {})
        reporter.message("hello")
        raise RuntimeError
    assert [recorder.told for recorder in recorders] == [[(1, {}), "hello", "failed"]] * 2
    recorders = [Recorder()]
    with Reporters(recorders):
        pass
    assert recorders[0].told == ["closed"]


def test_what_json_cannot_say_is_null(tmp_path):
    file = MetricsFile(tmp_path / "metrics.jsonl")
    file.metrics(1, {"valid_perplexity": float("inf")})
    assert read_metrics(tmp_path / "metrics.jsonl") == [{"step": 1, "valid_perplexity": None}]
    file.close(failed=False)


def test_weights_and_biases_that_cannot_be_used_is_one_sentence(tmp_path, monkeypatch):
    import wandb

    def refused(**_):
        raise wandb.errors.UsageError("No API key configured.")

    monkeypatch.setattr(wandb, "init", refused)
    message = r"cannot be used \(No API key configured\.\): log in .*, or give --wandb.mode offline"
    with pytest.raises(ReportingError, match=message):
        WeightsAndBiases(WandbConfig(mode="online"), tmp_path, {})


@pytest.mark.filterwarnings("ignore")  # wandb's own
def test_weights_and_biases_offline(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    reporter = WeightsAndBiases(WandbConfig(mode="offline"), tmp_path, {"a": 1})
    reporter.metrics(1, FIGURES)
    reporter.message("a line")
    reporter.close(failed=False)
    assert list(tmp_path.glob("wandb/offline-run-*/run-*.wandb"))
