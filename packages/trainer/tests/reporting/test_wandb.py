import json
import struct
import time
from types import SimpleNamespace

import pytest

from trainer import WandbConfig
from trainer.reporting import BestEffort, ReportingError, WeightsAndBiases

FIGURES = {"train_loss": 2.5, "tokens_per_second": 1234.0, "mfu": None}


class Run:
    """The part of a run of wandb that is used."""

    def __init__(self):
        self.rows = []
        self.metric = None
        self.exit_code = None

    def define_metric(self, name, step_metric):
        self.metric = (name, step_metric)

    def log(self, values, step):
        self.rows.append((step, values))

    def finish(self, exit_code):
        self.exit_code = exit_code


@pytest.fixture
def service(monkeypatch):
    """A fake of Weights & Biases, which records its calls."""
    import wandb

    state = SimpleNamespace(calls=[], runs=[], logged_in=True)

    def init(**arguments):
        state.calls.append(arguments)
        state.runs.append(Run())
        return state.runs[-1]

    monkeypatch.setattr(wandb, "init", init)
    monkeypatch.setattr(wandb, "login", lambda **_: state.logged_in)
    return state


def session(folder, steps, failed=False):
    reporter = WeightsAndBiases(WandbConfig(mode="online"), folder, {"a": 1})
    for step in steps:
        reporter.metrics(step, FIGURES)
    reporter.close(failed=failed)


def test_a_run_keeps_its_id_and_no_step_is_sent_twice(tmp_path, service):
    session(tmp_path, [10, 20, 20, 30, 40], failed=True)
    session(tmp_path, [30, 40, 50])  # resumed from a checkpoint at 20, and killed
    session(tmp_path, [30])  # from 20 again, and killed earlier
    session(tmp_path, [30, 40, 50, 60])
    assert len({call["id"] for call in service.calls}) == 1
    assert all(call["resume"] == "allow" for call in service.calls)
    sent = [[step for step, _ in run.rows] for run in service.runs]
    assert sent == [[10, 20, 20, 30, 40], [50], [], [60]]
    assert [run.exit_code for run in service.runs] == [1, 0, 0, 0]
    assert service.runs[0].rows[0] == (10, {"step": 10, "train_loss": 2.5, "tokens_per_second": 1234.0})
    assert service.runs[0].metric == ("*", "step")
    assert json.loads((tmp_path / "wandb_run.json").read_text()) == {"id": service.calls[0]["id"], "last_step": 60}


def test_two_runs_have_two_ids(tmp_path, service):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        session(tmp_path / name, [1])
    assert service.calls[0]["id"] != service.calls[1]["id"]


def test_a_damaged_state_file_starts_a_new_run(tmp_path, service):
    (tmp_path / "wandb_run.json").write_text('{"id": ')
    session(tmp_path, [1])
    assert [step for step, _ in service.runs[0].rows] == [1]


def test_a_service_that_cannot_be_used_is_an_error(tmp_path, service, monkeypatch):
    import wandb

    def refused(**_):
        raise wandb.errors.CommError("no\nanswer")

    service.logged_in = False
    with pytest.raises(ReportingError, match=r"\(no API key is configured\): log in .*, or use --wandb\.mode offline"):
        WeightsAndBiases(WandbConfig(mode="online"), tmp_path, {})
    monkeypatch.setattr(wandb, "init", refused)
    with pytest.raises(ReportingError, match="cannot be used"):
        WeightsAndBiases(WandbConfig(mode="offline"), tmp_path, {})


def records(path):
    """Yield the records of a .wandb file: LevelDB's log format after a header of seven bytes."""
    content = path.read_bytes()
    assert content.startswith(b":W&B")
    place, whole = 7, b""
    while place + 7 <= len(content):
        if 32768 - place % 32768 < 7:  # no chunk starts in the last bytes of a block
            place += 32768 - place % 32768
            continue
        _, size, kind = struct.unpack("<IHB", content[place : place + 7])
        whole += content[place + 7 : place + 7 + size]
        place += 7 + size
        if kind in (1, 4):  # a full record, or the end of one
            yield whole
            whole = b""


@pytest.mark.filterwarnings("ignore")  # warnings of wandb itself
def test_offline_over_two_sessions(tmp_path, monkeypatch):
    """With the library itself, in the thread of `BestEffort`: the rows are read back from its files."""
    from wandb.proto.wandb_internal_pb2 import Record

    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    warnings, rows = [], []
    for steps in ((1, 2, 3), (2, 3, 4)):
        reporter = BestEffort(
            "W&B", lambda: WeightsAndBiases(WandbConfig(mode="offline"), tmp_path, {"a": 1}), warnings.append
        )
        for step in steps:
            reporter.metrics(step, FIGURES)
        reporter.metrics(steps[-1], {"valid_loss": 1.5})
        reporter.close(failed=False)
        identity = json.loads((tmp_path / "wandb_run.json").read_text())["id"]
        (folder,) = tmp_path.glob(f"wandb/offline-run-*-{identity}")
        for _ in range(300):  # the service writes its last record some time later
            found = [Record.FromString(data) for data in records(folder / f"run-{identity}.wandb")]
            if any(record.WhichOneof("record_type") == "exit" for record in found):
                break
            time.sleep(0.1)
        for record in found:
            if record.WhichOneof("record_type") == "history":
                items = {".".join(item.nested_key) or item.key: item.value_json for item in record.history.item}
                rows.append(tuple(json.loads(items.get(key, "null")) for key in ("step", "train_loss", "valid_loss")))
        folder.rename(tmp_path / f"session_{steps[0]}")
    assert warnings == []
    assert rows == [(1, 2.5, None), (2, 2.5, None), (3, 2.5, 1.5), (4, 2.5, 1.5)]


def test_group_and_tags_are_sent(tmp_path, service):
    config = WandbConfig(mode="online", group="learning_rate", tags=("cpu", "1e-3"))
    WeightsAndBiases(config, tmp_path, {}).close(failed=False)
    session(tmp_path, [1])
    assert [(call["group"], call["tags"]) for call in service.calls] == [("learning_rate", ("cpu", "1e-3")), (None, ())]
