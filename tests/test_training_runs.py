"""The training applications from the outside: what a run produces from which data."""

import gzip
import json
import re
import subprocess
import sys

from bpe import Tokenizer, encode_shard, open_token_file, read_token_file_info, write_shard_manifest
from trainer import read_metrics

from .conftest import APPS, TINY_MODEL, TINY_TRAINING, text_options, token_options, train

TINY = [*TINY_MODEL, *TINY_TRAINING]


def valid_losses(run):
    return [entry.get("valid_loss") for entry in read_metrics(run / "metrics.jsonl")]


def test_a_run_is_self_contained(trained_run, texts):
    names = {str(path.relative_to(trained_run)) for path in trained_run.rglob("*") if path.is_file()}
    checkpoints = {
        f"checkpoints/step_{step:08d}/{name}"
        for step in (2, 4)
        for name in ("model.safetensors", "optimizer.safetensors", "state.json")
    }
    names.discard("environment.diff")  # only exists if the code differs from its commit
    assert names == checkpoints | {
        "config.yaml",
        "data.json",
        "environment.json",
        "log.txt",
        "metrics.jsonl",
        "plots/loss.png",
        "report.html",
        "tokenizer.json",
        *(f"tokens/{name}.bin{end}" for name in ("train", "valid") for end in ("", ".json")),
    }
    tokenizer = Tokenizer.load(trained_run / "tokenizer.json")
    assert tokenizer.special_tokens == {"<|endoftext|>": 0}
    tokens = open_token_file(trained_run / "tokens" / "valid.bin").tolist()
    assert tokenizer.decode(tokens) == (texts / "valid.txt").read_text("utf-8")
    assert [entry["step"] for entry in read_metrics(trained_run / "metrics.jsonl")] == [1, 2, 2, 3, 4, 4]
    (environment,) = json.loads((trained_run / "environment.json").read_text())["sessions"]
    assert environment["device"] == "cpu"
    assert environment["versions"]["bpe"] == "0.1.0+lm"


def test_a_tokenizer_and_tokens_can_be_given(call, tmp_path, trained_run, texts):
    train_tokens, valid_tokens = token_options(trained_run / "tokens")
    tokenizer = f"--data.tokenizer={trained_run / 'tokenizer.json'}"
    run = tmp_path / "run"
    assert call(train, *TINY, train_tokens, valid_tokens, tokenizer, f"--run.directory={run}").code == 0
    assert (run / "tokenizer.json").read_bytes() == (trained_run / "tokenizer.json").read_bytes()
    assert valid_losses(run) == valid_losses(trained_run)

    mixed = tmp_path / "mixed"
    valid_text = f"--data.valid_text={texts / 'valid.txt'}"
    assert call(train, *TINY, train_tokens, valid_text, tokenizer, f"--run.directory={mixed}").code == 0
    assert valid_losses(mixed) == valid_losses(trained_run)


def test_several_token_files_can_be_given(call, tmp_path, trained_run):
    tokens = [str(trained_run / "tokens" / f"{name}.bin") for name in ("train", "valid")]
    options = [*TINY, f"--data.train_tokens={json.dumps(tokens)}", f"--data.valid_tokens={tokens[1]}"]
    for name, more in (("weighted", "--data.train_weights=[3, 1]"), ("epochs", "--data.order=epoch")):
        outcome = call(train, *options, more, f"--run.directory={tmp_path / name}")
        assert outcome.code == 0
        counts = [read_token_file_info(path).count for path in tokens]
        assert re.search(rf"; {sum(counts):,} [a-z ]+, {counts[1]:,} ", outcome.output)
    refused = call(train, *options, "--data.train_weights=[1]", f"--run.directory={tmp_path / 'refused'}")
    assert "data.train_weights has 1 weights for 2 files: give one for each file" in refused.one_line_error()
    assert not (tmp_path / "refused").exists()
    options[-2] = f"--data.train_tokens={json.dumps([tokens[0], 'none.bin'])}"
    refused = call(train, *options, f"--run.directory={tmp_path / 'refused'}")
    assert "'none.bin' (data.train_tokens) is not a file" in refused.one_line_error()


def test_shards_are_trained_on_as_one_file(call, tmp_path, trained_run, texts):
    tokenizer = Tokenizer.load(trained_run / "tokenizer.json")
    text = (texts / "train.txt").read_text("utf-8")
    cut = text.index("<|endoftext|>", len(text) // 2) + len("<|endoftext|>")
    for name, part in (("a.txt", text[:cut]), ("b.txt", text[cut:])):
        (tmp_path / name).write_text(part, "utf-8", newline="")
        encode_shard(tokenizer, tmp_path / name, tmp_path)
    write_shard_manifest(tmp_path)
    _, valid_tokens = token_options(trained_run / "tokens")
    options = [f"--data.train_tokens={tmp_path / 'shards.json'}", valid_tokens]
    given = f"--data.tokenizer={trained_run / 'tokenizer.json'}"
    assert call(train, *TINY, *options, given, f"--run.directory={tmp_path / 'run'}").code == 0
    assert valid_losses(tmp_path / "run") == valid_losses(trained_run)
    other = Tokenizer(tokenizer.vocab, tokenizer.merges[:9], ["<|endoftext|>"])
    other.save(tmp_path / "other.json")
    given = f"--data.tokenizer={tmp_path / 'other.json'}"
    refused = call(train, *TINY, *options, given, f"--run.directory={tmp_path / 'refused'}")
    assert "shards.json was not encoded with" in refused.one_line_error()


def test_weights_and_biases_offline_and_samples(call, tmp_path, texts):
    run = tmp_path / "run"
    options = ["--wandb.mode=offline", "--sample.prompt=One day", "--sample.max_new_tokens=5"]
    outcome = call(train, *TINY, *text_options(texts), f"--run.directory={run}", *options)
    assert outcome.code == 0, outcome
    assert list(run.glob("wandb/offline-run-*/run-*.wandb"))
    assert "step 2, a sample: One day" in outcome.output
    assert "step 4, a sample: One day" in (run / "log.txt").read_text()


def test_a_run_on_files_of_documents(call, tmp_path):
    documents = [f"Document {k}: naïve café. " + "the quick brown fox " * (k % 9) for k in range(60)]
    text = tmp_path / "text.jsonl.gz"
    text.write_bytes(gzip.compress("".join(json.dumps({"text": document}) + "\n" for document in documents).encode()))
    run = tmp_path / "run"
    outcome = call(train, *TINY, f"--data.train_text={text}", f"--data.valid_text={text}", f"--run.directory={run}")
    assert outcome.code == 0
    tokenizer, info = Tokenizer.load(run / "tokenizer.json"), read_token_file_info(run / "tokens" / "train.bin")
    assert (info.column, info.separator) == ("text", "<|endoftext|>")
    ids = [token_id for document in documents for token_id in tokenizer.encode(f"{document}<|endoftext|>")]
    assert open_token_file(run / "tokens" / "train.bin").tolist() == ids


def test_missing_samples_are_noted(call, tmp_path, trained_run):
    options = [*token_options(trained_run / "tokens"), f"--run.directory={tmp_path / 'run'}", "--sample.prompt=One"]
    outcome = call(train, *TINY, *options)
    assert "there will be no samples: the run has no tokenizer" in outcome.output


def test_a_vocabulary_that_the_text_cannot_fill_is_noted(call, tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("ab " * 200)
    options = [f"--data.train_text={text}", f"--data.valid_text={text}", f"--run.directory={tmp_path / 'run'}"]
    outcome = call(train, *TINY, *options)
    assert outcome.code == 0
    assert "note: training stopped at 259 entries instead of 300" in outcome.output


def test_a_closed_pipe_does_not_end_a_run(tmp_path, trained_run):
    """Nobody reads what is printed: `… | true`."""
    run = tmp_path / "run"
    options = [*TINY, *token_options(trained_run / "tokens"), f"--run.directory={run}"]
    command = [sys.executable, APPS / "train_tinystories.py", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        errors = process.stderr.read()
    assert process.returncode == 0, errors
    assert (run / "checkpoints" / "step_00000004").is_dir()
