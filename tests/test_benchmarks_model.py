"""The model's benchmark: its arithmetic, its turns, that all models compute the same, and its page."""

import dataclasses
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("numpy")
torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))  # scripts in benchmarks/ find each other this way

import console  # noqa: E402
import model as benchmark  # noqa: E402
import model_measure  # noqa: E402
import model_plain  # noqa: E402
import model_report  # noqa: E402
import model_settings  # noqa: E402
import model_task_agreement  # noqa: E402
import model_worker  # noqa: E402
import results as result_files  # noqa: E402
import turns  # noqa: E402
from model_memory import Memory  # noqa: E402
from model_shapes import SHAPES, shrink  # noqa: E402
from nn import ModelConfig, TransformerLM  # noqa: E402
from runs import WorkerError  # noqa: E402

# ---- shapes


def test_flops_of_gpt2_small_are_the_published_ones():
    # Three matrices of 2,048 have the weights of the two of 3,072 in the published figure.
    shape = SHAPES["gpt2-small"]
    assert shape.context_length * shape.flops_per_token == 3 * 291_648_307_200


@pytest.mark.parametrize("name", ["base", "gpt2-small"])
def test_a_shape_counts_the_parameters_of_our_model(name):
    shape = SHAPES[name]
    config = ModelConfig(
        vocab_size=shape.vocab_size,
        context_length=shape.context_length,
        d_model=shape.d_model,
        num_layers=shape.num_layers,
        num_heads=shape.num_heads,
        d_ff=shape.d_ff,
        tie_embeddings=shape.tied,
    )
    with torch.device("meta"):
        assert shape.num_parameters == TransformerLM(config).num_parameters()
    if name == "base":
        assert dataclasses.replace(config, d_ff=None) == ModelConfig()
        assert shape.d_ff == ModelConfig().feedforward_width


def test_weights_change_places_and_back():
    shape = shrink(SHAPES["base"])
    name = "blocks.0.attention.q_proj.weight"
    weight = torch.arange(shape.d_model**2).view(shape.d_model, shape.d_model)
    halves = shape.to_halves(name, weight)
    assert halves[: shape.d_head, 0].tolist() == (
        weight[0 : shape.d_head : 2, 0].tolist() + weight[1 : shape.d_head : 2, 0].tolist()
    )
    assert torch.equal(shape.to_pairs(name, halves), weight)
    assert torch.equal(shape.to_halves("blocks.0.attention.v_proj.weight", weight), weight)


# ---- turns

WORKER = """
import json, os, pathlib, sys
request = json.loads(sys.argv[1])
log = pathlib.Path(request["log"])
def note(what):
    with log.open("a") as file:
        file.write(request["library"] + what + " ")
if request["library"] == "b" and request["fails"] == "start":
    sys.exit("out of luck")
note("+")
print(json.dumps({"pid": os.getpid()}), flush=True)
count = 0
for line in sys.stdin:
    count += 1
    if request["library"] == "b" and request["fails"] == "turn":
        raise SystemExit("out of breath")
    note(str(count))
    print(json.dumps({"seconds": count}), flush=True)
note("-")
print(json.dumps({"memory": 5}), flush=True)
"""


@pytest.fixture
def take(tmp_path):
    (tmp_path / "worker.py").write_text(WORKER, "utf-8")

    def run(fails=None, **more):
        requests = [
            {"task": "t", "library": name, "mode": "m", "log": str(tmp_path / "log"), "fails": fails} for name in "abc"
        ]
        outcomes = turns.take_turns(requests, script=tmp_path / "worker.py", **more)
        return outcomes, (tmp_path / "log").read_text("utf-8").split()

    return run


def test_all_are_there_before_the_first_turn_and_every_other_round_goes_backwards(take):
    outcomes, log = take(rounds=3)
    assert log[:3] == ["a+", "b+", "c+"]
    assert " ".join(log[3:]) == "a1 b1 c1 c2 b2 a2 a3 b3 c3 a- b- c-"
    for outcome in outcomes:
        assert outcome.failed is None
        assert [turn["seconds"] for turn in outcome.turns] == [1, 2, 3]
        assert outcome.end == {"memory": 5}


def test_alone_each_turn_has_a_fresh_process(take):
    outcomes, log = take(rounds=2, together=False)
    assert " ".join(log) == "a+ a1 a- b+ b1 b- c+ c1 c- c+ c1 c- b+ b1 b- a+ a1 a-"
    assert [len(outcome.turns) for outcome in outcomes] == [2, 2, 2]


@pytest.mark.parametrize(("fails", "reason"), [("start", "b, m: out of luck"), ("turn", "b, m: out of breath")])
@pytest.mark.parametrize("together", [True, False])
def test_one_that_fails_is_named_and_does_not_stop_the_others(take, fails, reason, together):
    outcomes, _log = take(fails, rounds=2, together=together)
    assert [outcome.failed for outcome in outcomes] == [None, reason, None]
    assert [len(outcome.turns) for outcome in outcomes] == [2, 0, 2]


# ---- what is computed


def prepare(request):
    module = importlib.import_module(model_worker.TASKS[request["task"]])
    return getattr(module, request["task"])(request, Memory("cpu", "eager"))


@pytest.fixture
def in_process(monkeypatch):
    """Let the tasks run here, which spares the start of many processes."""

    def take_turns(requests, rounds, **_how):
        outcomes = []
        for request in requests:
            outcome = turns.Outcome()
            outcome.ready, turn = prepare(request)
            outcome.turns = [turn() for _ in range(rounds)]
            outcome.end = {"memory": 1_000_000}
            outcomes.append(outcome)
        return outcomes

    monkeypatch.setattr(model_settings, "take_turns", take_turns)
    model_measure.agree.cache_clear()
    yield
    model_measure.agree.cache_clear()


def settings(**more):
    common = {"devices": ("cpu",), "modes": ("eager",), "shapes": tuple(SHAPES), "rounds": 2, "quick": True}
    return model_settings.Settings(**(common | {"say": lambda _message: None} | more))


@pytest.mark.parametrize("shape", ["base", "gpt2-small"])  # with a head of its own, and tied
@pytest.mark.parametrize("library", ["plain", "transformers"])
def test_peers_compute_what_ours_does(library, shape):
    request = {"task": "agree", "library": library, "mode": "eager", "shape": shape, "device": "cpu", "quick": True}
    facts, _turn = prepare(request)
    assert facts["logits"] < 1e-5
    assert facts["loss"] < 1e-6
    assert facts["gradients"] < 1e-5
    assert facts["ids"] is True


def test_a_peer_that_computes_something_else_is_not_timed(in_process, monkeypatch):
    monkeypatch.setattr(model_plain, "rotate", lambda x, _cos, _sin: x)
    with pytest.raises(WorkerError, match="plain, base: the logits differ from ours by"):
        model_measure.train(settings(shapes=("base",)))


def test_gradients_are_compared_one_by_one(monkeypatch):
    computed = model_task_agreement._computed

    def spoilt(name, shape, device):
        found = computed(name, shape, device)
        if name == "plain":
            found["gradients"]["final_norm.weight"] *= 1.01
        return found

    monkeypatch.setattr(model_task_agreement, "_computed", spoilt)
    request = {"task": "agree", "library": "plain", "mode": "eager", "shape": "base", "device": "cpu", "quick": True}
    assert prepare(request)[0]["gradients"] == pytest.approx(0.01, rel=1e-3)


def test_every_section_from_measuring_to_the_page(in_process):
    sections = {}
    for name in benchmark.SECTIONS:
        rows = benchmark._section(name)(settings())
        assert all("failed" not in row for row in rows["rows"])
        assert all(row["seconds"] > 0 for row in rows["rows"])
        sections[name] = head() | {"rows": rows}
    libraries = {row["library"] for row in sections["train"]["rows"]["rows"]}
    assert libraries == {"ours", "plain", "transformers"}
    assert max(row["first_step_differs_by"] for row in sections["train"]["rows"]["rows"]) < 1e-4
    assert {row["shape"] for row in sections["train"]["rows"]["rows"]} == {"base", "base-32k", "gpt2-small"}
    decoded = sections["generate"]["rows"]["rows"]
    assert {row["ids"] for row in decoded} == {"equal"}
    assert {"uncached", "eager"} < {row["mode"] for row in decoded if row["library"] == "ours"}
    differences = {name: max(row["differs_by"] for row in sections[name]["rows"]["rows"]) for name in benchmark._PARTS}
    assert differences["loss"] < 1e-4
    assert differences["optimizer"] < 0.05  # torch's Muon iterates in bfloat16
    assert differences["attention"] < 1e-4
    page = model_report.page({"schema": 1, "sections": sections})
    assert page.count("\n## ") == len(sections) + 1
    assert "### Muon, CPU, float32" in page
    assert "### `gpt2-small`, window of 8, CPU, float32" in page


# ---- figures


def outcome(seconds, ready=None, failed=None, **more):
    made = turns.Outcome()
    made.ready, made.failed, made.end = ready or {"loss": 2.0, "norm": 1.0}, failed, {"memory": 5_000_000}
    made.turns = [{"seconds": one, "flops_per_second": 1e9, "loss": 1.0, **more} for one in seconds]
    return made


def test_utilization_and_ratio_are_those_of_the_same_round(monkeypatch):
    matmul = outcome([1.0, 1.0])
    matmul.turns[1]["flops_per_second"] = 0.5e9  # a machine that slows down for a while
    found = iter([[matmul, outcome([1.0, 2.0]), outcome([2.0, 4.0]), outcome([], failed="transformers, eager: x")]])
    monkeypatch.setattr(model_settings, "take_turns", lambda *_given, **_how: next(found))
    ours, plain, failed = model_measure._train(settings(), "cpu", "base", "eager")
    shape = shrink(SHAPES["base"])
    assert ours["mfu"] == pytest.approx(48 * shape.flops_per_token / 1e9)
    assert plain["mfu"] == pytest.approx(ours["mfu"] / 2)
    assert plain["speed_over_reference"] == 0.5
    assert plain["tokens_per_second"] == pytest.approx(48 / 3)
    assert failed["failed"] == "transformers, eager: x"


def test_ids_are_compared_as_far_as_they_go():
    assert model_measure._compare([1, 2, 3], [1, 2]) == "equal"
    assert model_measure._compare([1, 2, 3], [1, 9, 3]) == "different from id 1 on"


# ---- page and chart


def head(**more):
    return {
        "command": "benchmarks/model.py train",
        "date": "2024-01-01 00:00 UTC",
        "machine": {"processor": "A", "cores": 2, "memory_bytes": 2**33, "system": "Linux", "python": "3.11"},
        "versions": {"torch": "2"},
        "repetitions": 3,
        "gpu": None,
        "threads": 2,
        "quick": False,
        "shapes": [model_settings.shape_facts(settings(quick=False), "base")],
    } | more


def train_row(library, seconds, **more):
    return {
        "device": "cpu",
        "shape": "base",
        "mode": "eager",
        "library": library,
        "tokens": 4_096,
        "seconds": seconds,
        "tokens_per_second": 4_096 / seconds,
        "mfu": 0.5,
        "matmul_flops_per_second": 1e11,
        "peak_bytes": 1_200_000_000,
        "speed_over_reference": 4.0 / seconds,
        "first_step_differs_by": 2e-7,
    } | more


def results(**more):
    failed = {key: train_row("p3", 1.0)[key] for key in ("device", "shape", "mode", "library", "tokens")}
    rows = [train_row("ours", 4.0), train_row("p2", 5.0), failed | {"failed": "p3: out of memory"}]
    return {"schema": 1, "sections": {"train": head(**more) | {"rows": {"agreement": [], "rows": rows}}}}


def test_the_page_hides_neither_failures_nor_what_is_missing():
    page = model_report.page(results())
    assert "| **ours** | eager | 4,000.0 | 1,024 | 50.0 % | – | 1,200 | 2e-07 |" in page
    assert "| p2 | eager | 5,000.0 | 819 | 50.0 % | 1.250× | 1,200 | 2e-07 |" in page
    assert "failed: p3: out of memory" in page
    assert "GPU: none" in page
    assert "rounds: 3" in page
    assert "`base`: 22,696,448 parameters; 4 layers" in page
    assert "these figures say nothing" not in page
    assert "these figures say nothing" in model_report.page(results(quick=True))


def test_docs_keep_the_sections_that_were_not_measured_again(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(result_files, "DOCS", tmp_path / "docs")
    measured = results()
    benchmark._write_docs(measured)
    attention = head() | {"rows": {"rows": []}}
    benchmark._write_docs({"schema": 1, "sections": {"attention": attention}})
    kept = json.loads((tmp_path / "docs" / "model.json").read_text("utf-8"))
    assert kept["sections"] == {"train": measured["sections"]["train"], "attention": attention}
    assert "(model.svg)" in (tmp_path / "docs" / "model.md").read_text("utf-8")
    assert (tmp_path / "docs" / "model.png").read_bytes().startswith(b"\x89PNG")


# ---- the command


def test_from_the_command_line_to_json(tmp_path):
    options = ["--quick", "--mode", "eager", "--device", "cpu", "--rounds", "1", "--json", str(tmp_path / "out.json")]
    command = [sys.executable, str(BENCHMARKS / "model.py"), "loss", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    section = json.loads((tmp_path / "out.json").read_text("utf-8"))["sections"]["loss"]
    assert str(tmp_path) not in json.dumps(section)  # folders of this machine mean nothing elsewhere
    assert [row["library"] for row in section["rows"]["rows"]] == [
        *("ours, chunked", "ours, all logits"),
        *("torch, all logits", "torch, chunked"),
    ]
    for row in section["rows"]["rows"]:
        assert row["differs_by"] < 1e-4
        assert row["peak_bytes"] > 0
        assert len(row["turns"]) == 1
    assert "these figures say nothing" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--shape", "gpt5"], "invalid choice: 'gpt5'"),
        (["train", "--rounds", "0"], "'0' is no positive whole number"),
        (["loss", "--shape", "base"], "unrecognized arguments: --shape"),
        (["all", "--quick", "--write-docs"], "--quick measures tiny models"),
        (["report", __file__], "holds no results"),
    ],
)
def test_mistakes_are_one_line(monkeypatch, capsys, arguments, message):
    monkeypatch.setattr(sys, "argv", ["model.py", *arguments])
    with pytest.raises(SystemExit) as left:
        console.run(benchmark.main)
    said = capsys.readouterr().err.splitlines()
    assert left.value.code == 2
    assert len(said) == 1
    assert said[0].startswith("error: ")
    assert message in said[0]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["model.py", "train", "--device", "cuda"])
    with pytest.raises(SystemExit) as left:
        console.run(benchmark.main)
    assert left.value.code == 2
    assert "there is no GPU" in capsys.readouterr().err
