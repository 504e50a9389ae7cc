"""The trainer's benchmark: its turns, all of it on a tiny model, and its page."""

import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("numpy")
torch = pytest.importorskip("torch")

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))  # scripts in benchmarks/ find each other this way

import results as result_files  # noqa: E402
import trainer_checkpoint_ways  # noqa: E402
import trainer_costs as benchmark  # noqa: E402
import trainer_measure  # noqa: E402
import trainer_report  # noqa: E402
import trainer_settings  # noqa: E402
import trainer_turns  # noqa: E402
import trainer_worker  # noqa: E402
from runs import WorkerError  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:torch.distributed is disabled")  # which is what we want of it


@pytest.fixture
def in_process(monkeypatch):
    """Let the worker work here, which spares the start of processes; what it answers goes through JSON all the same."""

    def run_worker(request, script):
        assert (BENCHMARKS / script).exists()
        return json.loads(json.dumps(trainer_worker.answer(json.loads(json.dumps(request)))))

    monkeypatch.setattr(trainer_settings, "run_worker", run_worker)


def settings(folder, **more):
    common = {"steps": 4, "rounds": 2, "folder": folder, "quick": True, "say": lambda _message: None}
    return trainer_settings.Settings(**(common | more))


# ---- turns


def test_every_other_round_goes_backwards_and_a_failure_is_its_own():
    log = []

    def prepare(name, fails=None):
        def turn():
            log.append(name)
            if fails == len(log):
                raise RuntimeError("out of\nbreath")
            return {"seconds": len(log)}

        return lambda: ({"fact": name}, turn)

    cases = {("a", "m"): prepare("a"), ("b", "m"): prepare("b", fails=2), ("c", "m"): prepare("c")}
    a, b, c = trainer_turns.take_turns(cases, 3)
    assert "".join(log) == "abc" + "ca" + "ac"
    assert a == {"library": "a", "mode": "m", "fact": "a", "turns": [{"seconds": n} for n in (1, 5, 6)]}
    assert b == {"library": "b", "mode": "m", "failed": "RuntimeError: out of breath"}
    assert [turn["seconds"] for turn in c["turns"]] == [3, 4, 7]


# ---- all of it


def test_both_loops_compute_the_same_and_nothing_is_left_out(tmp_path, in_process):
    found = trainer_measure.overhead(settings(tmp_path, steps=5))
    assert found["differs_by"] == 0
    assert len(found["steps"]) == 5
    for step in found["steps"]:
        assert all(seconds > 0 for seconds in step.values())
        parts = sum(step[name] for name in ("gradients", "update", *trainer_measure.PARTS))
        assert parts < step["whole"] < parts + 0.05
    assert 0 < found["around_share"] < 1
    assert list(tmp_path.iterdir()) == []


def test_loops_that_differ_are_not_compared(tmp_path, monkeypatch):
    monkeypatch.setattr(trainer_settings, "run_worker", lambda _request, _script: {"steps": [], "differs_by": 0.5})
    with pytest.raises(WorkerError, match=r"weights differ by 5\.0e-01"):
        trainer_measure.overhead(settings(tmp_path))


def test_all_loaders(tmp_path, in_process):
    rows = trainer_measure.loader(settings(tmp_path))["rows"]
    assert [row["library"] for row in rows] == ["ours"] * 3 + ["numpy", "nanoGPT"] + ["DataLoader"] * 2
    for row in rows:
        assert row["tokens_per_second"] == pytest.approx(32 / row["seconds"])
        assert row["first_seconds"] > 0
        assert len(row["turns"]) == 2
    assert rows[0]["speed_over_reference"] == 1


def test_all_ways_to_save(tmp_path, in_process):
    found = trainer_measure.checkpoints(settings(tmp_path))
    assert [row for row in found["rows"] if "failed" in row] == []
    assert {row["library"] for row in found["rows"]} == {
        "ours",
        "torch.save",
        "safetensors",
        "torch.distributed.checkpoint",
    }
    for row in found["rows"]:
        assert len(row["turns"]) == 2  # and one that does not count
        assert row["bytes"] > 3 * 4 * found["model"]["parameters"]  # weights and two moments
        assert 0 < row["stall_seconds"] <= row["seconds"]
    assert list(tmp_path.iterdir()) == []


def test_a_way_that_loads_something_else_has_no_figures(tmp_path, in_process, monkeypatch):
    monkeypatch.setattr(trainer_checkpoint_ways.TorchSave, "load", lambda self: None)
    rows = trainer_measure.checkpoints(settings(tmp_path))["rows"]
    failed = [row for row in rows if "failed" in row]
    assert [row["library"] for row in failed] == ["torch.save"]
    assert failed[0]["failed"] == "RuntimeError: what it loads is not what it saved"
    assert "failed: RuntimeError: what it loads is not" in trainer_report.page(measured("checkpoints", rows=rows))


# ---- figures


def step(plain, whole, around):
    parts = dict.fromkeys(trainer_measure.PARTS, around / 8)
    return {"plain": plain, "whole": whole, "gradients": whole - around - 0.1, "update": 0.1, **parts}


def test_costs_are_medians_and_what_is_not_named_is_the_rest():
    costs = trainer_measure.costs_of_steps([step(2.0, 2.0, 0.02), step(2.0, 2.1, 0.02), step(4.0, 5.0, 0.9)])
    assert costs["ratio"] == pytest.approx(1.05)
    assert costs["around_seconds"] == pytest.approx(0.02)
    assert costs["around_share"] == pytest.approx(0.02 / 2.1)
    assert costs["most_around_seconds"] == pytest.approx(0.9)
    assert costs["parts"]["rest"] == pytest.approx(0.01)


# ---- page


def measured(name, **more):
    section = {
        "command": f"benchmarks/trainer_costs.py {name}",
        "date": "2024-01-01 00:00 UTC",
        "machine": {"processor": "A", "cores": 2, "memory_bytes": 2**33, "system": "Linux", "python": "3.11"},
        "versions": {"torch": "2"},
        "repetitions": 3,
        "threads": 2,
        "quick": False,
        "batch_size": 16,
        "model": {
            "parameters": 22_696_448,
            "num_layers": 4,
            "d_model": 512,
            "d_ff": 1344,
            "num_heads": 16,
            "vocab_size": 10_000,
            "context_length": 256,
        },
    }
    return {"schema": 1, "sections": {name: section | more}}


def loader_section(**more):
    ours = {"library": "ours", "mode": "random", "seconds": 1e-4, "tokens_per_second": 4e7, "first_seconds": 0.1}
    failed = {"library": "DataLoader", "mode": "epochs", "failed": "OSError: no | memory"}
    rows = [ours | {"speed_over_reference": 1.0}, ours | {"library": "numpy", "speed_over_reference": 0.8}, failed]
    return measured("loader", tokens=50, batches=10, batch_tokens=4_096, rows=rows, **more)


def test_the_page_hides_no_failure_and_says_what_ours_is_compared_with():
    page = trainer_report.page(loader_section())
    assert "| **ours** | random | 40,000,000 | 100 | 1.00× | 0.100 |" in page
    assert "| numpy | random | 40,000,000 | 100 | 1.25× | 0.100 |" in page
    assert "failed: OSError: no / memory" in page
    assert "22,696,448 parameters; 4 layers" in page
    assert "these figures say nothing" not in page
    assert "these figures say nothing" in trainer_report.page(loader_section(quick=True))


@pytest.mark.parametrize(("around", "verdict"), [(0.03, "within the 2 %"), (0.06, "**above** the 2 %")])
def test_the_page_judges_the_loop(around, verdict):
    costs = trainer_measure.costs_of_steps([step(2.0, 2.0, around)] * 2)
    assert verdict in trainer_report.page(measured("overhead", **costs))


def test_docs_keep_the_sections_that_were_not_measured_again(tmp_path, monkeypatch):
    monkeypatch.setattr(result_files, "DOCS", tmp_path / "docs")
    benchmark._write_docs(loader_section())
    benchmark._write_docs(measured("checkpoints", rows=[]))
    kept = json.loads((tmp_path / "docs" / "trainer.json").read_text("utf-8"))
    assert list(kept["sections"]) == ["loader", "checkpoints"]
    assert (tmp_path / "docs" / "trainer.md").read_text("utf-8") == trainer_report.page(kept)


def test_the_page_in_docs_is_that_of_its_figures():
    figures = result_files.read(result_files.DOCS / "trainer.json", benchmark.SECTIONS.__contains__)
    assert figures["sections"].keys() == benchmark.SECTIONS.keys()
    assert (result_files.DOCS / "trainer.md").read_text("utf-8") == trainer_report.page(figures)


# ---- command line


def test_one_command_measures_all_and_writes_a_file(tmp_path, capsys, in_process):
    file = tmp_path / "figures.json"
    benchmark.main(["all", "--quick", "--steps", "3", "--rounds", "2", "--json", str(file), "--folder", str(tmp_path)])
    figures = json.loads(file.read_text("utf-8"))
    assert list(figures["sections"]) == ["overhead", "loader", "checkpoints"]
    assert str(tmp_path) not in file.read_text("utf-8")
    assert capsys.readouterr().out.endswith(trainer_report.page(figures) + "\n")  # after what the run itself has told


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required"),
        (["overhead", "--steps", "0"], "'0' is no positive whole number"),
        (["overhead", "--steps", "1"], "--steps is 1: it must be at least 2"),
        (["overhead", "--rounds", "3"], "unrecognized arguments: --rounds"),
        (["checkpoints", "--folder", "/no/such/folder"], "--folder is /no/such/folder, which is no folder"),
        (["all", "--quick", "--write-docs"], "--quick measures a tiny model"),
    ],
)
def test_mistakes_are_one_line(arguments, message):
    with pytest.raises(ValueError) as caught:
        benchmark.main(arguments)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
