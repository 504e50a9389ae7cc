"""The run page, and the samples that it shows."""

import json
import shutil

import pytest

from run_page import write_run_page
from run_report import main
from sample_file import Samples, read_samples, samples_path, write_samples
from trainer import RunDirectory

from .conftest import TINY_MODEL, TINY_TRAINING, token_options, train
from .html_page import read_page

TINY = [*TINY_MODEL, *TINY_TRAINING]


def read(run):
    return read_page(write_run_page(RunDirectory(run)).read_text("utf-8"))


def test_a_finished_run(trained_run, call):
    text = (trained_run / "report.html").read_text("utf-8")
    page = read(trained_run)
    assert (trained_run / "report.html").read_text("utf-8") == text  # what training wrote
    assert page.tags.count("svg") == 6
    for part in (
        "Finished: 4 steps.",
        "validation loss (nats per token)",
        "bits per byte",
        "model.vocab_size",
        "4 of 4",
        "FLOPs of training",
        "sha256 ",
        "versions",
        "torch ",
        "validation loss ",
    ):
        assert part in page.text
    assert "prefers-color-scheme: dark" in text
    assert "currentColor" in text
    assert "stroke: var(--accent)" in text
    assert call(main, trained_run).output == f"{trained_run / 'report.html'}\n"


def test_what_a_run_cost(trained_run):
    """4 steps of 4 sequences of 32 tokens, at the FLOPs per token that the accounting gives."""
    from nn import ModelConfig
    from nn.accounting import count_parameters, training_flops

    model = ModelConfig(vocab_size=300, context_length=32, d_model=16, num_layers=1, num_heads=2)
    text = read(trained_run).text
    assert f"tokens{4 * 4 * 32}" in text
    assert f"FLOPs of training{16 * training_flops(model).total:.4g}" in text
    assert f"parameters{count_parameters(model).total:,}" in text


def test_only_what_differs_from_the_defaults_comes_first(trained_run):
    before, _, after = read(trained_run).text.partition("All keys")
    configuration = before[before.index("Configuration") :]
    assert "training.batch_size4128" in configuration
    assert "max_grad_norm" not in configuration
    assert "max_grad_norm" in after


def test_all_text_is_escaped(run_copy):
    evil = "<script>alert(1)</script>&amp;<b>\0"
    write_samples(samples_path(RunDirectory(run_copy)), Samples(2, evil, (evil, "\ud800")))
    (run_copy / "log.txt").write_text(evil)
    environment = json.loads((run_copy / "environment.json").read_text())
    environment["sessions"][0] |= {"cpu": evil, "command": [evil], "git": {"revision": evil, "diff": evil}}
    (run_copy / "environment.json").write_text(json.dumps(environment))
    data = json.loads((run_copy / "data.json").read_text())
    data["train"][0] |= {"path": evil, "digest": evil}
    (run_copy / "data.json").write_text(json.dumps(data))
    named = run_copy.rename(run_copy.with_name("a<b>&run"))
    page = read(named)
    assert page.text.count("<script>alert(1)</script>&amp;<b>\ufffd") >= 8
    assert "a<b>&run" in page.text


@pytest.mark.parametrize("file", ["metrics.jsonl", "environment.json", "data.json", "log.txt", "samples.jsonl"])
@pytest.mark.parametrize("content", [None, "", "[1]", '{"sessions": 3, "train": [7, {"count": "x"}]}'])
def test_what_is_missing_or_damaged_is_left_away(run_copy, file, content):
    if content is None:
        (run_copy / file).unlink(missing_ok=True)
    else:
        (run_copy / file).write_text(content)
    page = read(run_copy)
    assert ("No step of 4 has been reported yet." in page.text) == (file == "metrics.jsonl")


def test_a_run_with_one_point(run_copy):
    first = (run_copy / "metrics.jsonl").read_text().splitlines()[0]
    (run_copy / "metrics.jsonl").write_text(first + "\n")
    page = read(run_copy)
    assert "Not finished: the last report is of step 1 of 4. It can be resumed." in page.text
    assert page.tags.count("svg") == 6


def test_values_that_are_not_finite(run_copy):
    lines = [json.loads(line) for line in (run_copy / "metrics.jsonl").read_text().splitlines()]
    for line in lines[2:]:
        line |= dict.fromkeys(("train_loss", "grad_norm", "valid_loss", "tokens_per_second"))
    (run_copy / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert "Finished: 4 steps." in read(run_copy).text


def test_a_run_that_diverged(call, tmp_path, trained_run):
    options = [*token_options(trained_run / "tokens"), "--schedule.max_lr=1e30", "--training.max_skipped_in_a_row=1"]
    run = tmp_path / "run"
    error = call(train, *TINY, *options, f"--run.directory={run}").one_line_error()
    written = (run / "report.html").read_text("utf-8")
    assert "Diverged after step " in written
    assert "lower schedule.max_lr" in error
    assert "lower schedule.max_lr" in written
    assert (run / "diverged.json").is_file()
    assert "Diverged: loss or gradient is not finite at steps " in read(run).text


def test_a_time_limit(run_copy):
    config = (run_copy / "config.yaml").read_text()
    config = config.replace("max_seconds: null", "max_seconds: 1e-6").replace("  steps: 4", "  steps: 400")
    (run_copy / "config.yaml").write_text(config)
    assert "Finished at its time limit, after step 4 of 400." in read(run_copy).text


def test_samples_are_stored_and_written_again_when_a_run_is_resumed(call, tmp_path, trained_run):
    run = tmp_path / "run"
    options = [*token_options(trained_run / "tokens"), f"--data.tokenizer={trained_run / 'tokenizer.json'}"]
    options += ["--sample.prompt=Once", "--sample.num_samples=2", "--sample.max_new_tokens=3"]
    assert call(train, *TINY, *options, f"--run.directory={run}").code == 0
    stored = read_samples(samples_path(RunDirectory(run)))
    assert [(each.step, each.prompt, len(each.texts)) for each in stored] == [(2, "Once", 2), (4, "Once", 2)]
    assert f"step 4, a sample: Once{stored[-1].texts[0]}"[:30] in (run / "log.txt").read_text("utf-8")

    shutil.rmtree(run / "checkpoints" / "step_00000004")
    lines = (run / "metrics.jsonl").read_text().splitlines()
    (run / "metrics.jsonl").write_text("\n".join(lines[:3]) + "\n")
    assert "step 4" not in read(run).text.partition("Configuration")[0].replace("step 4 of", "")
    assert call(train, "--resume", run).code == 0
    assert read_samples(samples_path(RunDirectory(run))) == stored
    page = read(run)
    assert "At step 4, continuing Once:" in page.text
    assert "How it learned" in page.text
    assert "resumed after step2" in page.text
    assert "Session 1" in page.text


def test_many_samples_are_folded(run_copy):
    path = samples_path(RunDirectory(run_copy))
    for step in range(5):
        write_samples(path, Samples(step, "", (f"text {step}",)))
    assert "All " not in read(run_copy).text.replace("All keys", "")
    metrics = (run_copy / "metrics.jsonl").read_text() + json.dumps({"step": 30}) + "\n"
    (run_copy / "metrics.jsonl").write_text(metrics)
    for step in range(5, 31):
        write_samples(path, Samples(step, "", (f"text {step}",)))
    page = read(run_copy)
    assert "All 31 steps" in page.text
    shown = page.text.partition("How it learned")[2].partition("All 31 steps")[0]
    assert shown.startswith("step 0")
    assert shown.endswith("text 30")
    assert shown.count("text ") == 8


@pytest.mark.parametrize("end", ["", '{"step": 7, "prompt"', "\n", "[]\n", '{"step": 7, "prompt": "", "texts": [""]}'])
def test_an_incomplete_line_is_replaced(tmp_path, end):
    path = tmp_path / "samples.jsonl"
    first, second = Samples(1, "a", ("b",)), Samples(2, "ä\n", ("\u2028", "d"))
    write_samples(path, first)
    path.write_text(path.read_text("utf-8") + end, "utf-8")
    assert read_samples(path) == [first]
    write_samples(path, second)
    assert read_samples(path) == [first, second]
    write_samples(path, Samples(2, "e", ()))
    assert read_samples(path) == [first, Samples(2, "e", ())]
    write_samples(path, Samples(0, "f", ("g",)))
    assert read_samples(path) == [Samples(0, "f", ("g",))]


def test_a_page_that_cannot_be_written_does_not_lose_the_run(call, tmp_path, trained_run, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device", "report.html")

    monkeypatch.setattr("run_page.write_run_page", fail)
    run = tmp_path / "run"
    outcome = call(train, *TINY, *token_options(trained_run / "tokens"), f"--run.directory={run}")
    assert outcome.code == 0
    assert "note: the run page was not written: [Errno 28] No space left on device" in outcome.output
    assert not (run / "report.html").exists()
