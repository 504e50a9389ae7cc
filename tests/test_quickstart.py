"""The quickstart with a tiny model and corpus."""

import re

from quickstart import main
from trainer import parse_config, read_metrics

from .conftest import ROOT, TINY_MODEL, TINY_TRAINING, train, without_ansi


def test_from_nothing_to_stories(call, tmp_path, monkeypatch):
    run = tmp_path / "quickstart"
    options = [*TINY_MODEL, *TINY_TRAINING, "--corpus_bytes=60000"]
    outcome = call(main, *options, f"--run.directory={run}")
    assert outcome.code == 0, outcome
    output = without_ansi(outcome.output)
    assert [line for line in output.splitlines() if line.startswith("---")] == [f"--- story {n} ---" for n in (1, 2, 3)]
    loss = float(re.search(r"\nvalidation loss ([\d.]+) after", output)[1])
    assert abs(loss - read_metrics(run / "metrics.jsonl")[-1]["valid_loss"]) < 1e-3
    assert f"uv run apps/generate.py {run}" in output
    assert f"--resume {run}" in output
    assert "error: 5.7 for guessing" in output  # ln 300
    assert re.search(r"\nof 40 stories, \d+ have only pronouns that agree with their names, and \d+ introduce", output)
    assert (run / "plots" / "loss.png").is_file()
    assert (run / "corpus" / "train.txt").stat().st_size > 50_000

    # The configuration names the corpus in the run's folder, and the run can be resumed.
    from text_config import TextRunConfig

    config, _ = parse_config(TextRunConfig, [], files=[run / "config.yaml"])
    assert config.data.train_text == str(run / "corpus" / "train.txt")
    assert call(train, "--resume", run, "--training.steps=6").code == 0

    # A second run gets another folder, since the command is given without arguments.
    monkeypatch.setattr("quickstart.NUM_PRINTED", 0)  # fewer stories, to save time
    monkeypatch.setattr("quickstart.NUM_CHECKED", 1)
    again = call(main, *options, f"--run.directory={run}")
    assert again.code == 0
    assert (tmp_path / "quickstart-2" / "tokenizer.json").read_bytes() == (run / "tokenizer.json").read_bytes()


def test_a_corpus_that_is_too_small_is_one_line_and_leaves_nothing(call, tmp_path):
    options = [*TINY_MODEL, f"--run.directory={tmp_path / 'run'}"]
    assert "too small" in call(main, *options, "--corpus_bytes=10").one_line_error()
    assert "corpus_bytes" in call(main, *options, "--corpus_bytes=many").one_line_error()
    assert list(tmp_path.iterdir()) == []


def test_given_data_is_refused(call, tmp_path):
    error = call(main, "--data.train_text=x.txt", f"--run.directory={tmp_path / 'run'}").one_line_error()
    assert "generates its own data: give yours to apps/train_tinystories.py" in error


def test_it_is_small_enough_for_two_cores_and_two_minutes():
    from quickstart import CORPUS_BYTES
    from text_config import TextRunConfig

    config, _ = parse_config(TextRunConfig, [], files=[ROOT / "configs" / "quickstart.yaml"])
    assert 2_000_000 <= CORPUS_BYTES <= 5_000_000
    assert config.training.steps * config.training.batch_size * config.model.context_length < 3_000_000
