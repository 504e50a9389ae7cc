"""The training applications from the outside: what they make, how they go on, and how they refuse."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
import torch
import yaml
from safetensors.torch import load_file

from bpe import Tokenizer, open_token_file, read_token_file_info
from text_run import main as text_run_main
from trainer import read_metrics

from .conftest import APPS, ROOT, TINY_MODEL, TINY_TRAINING


def main(arguments):
    text_run_main(arguments, "tinystories.yaml", "")


def data_options(texts):
    return [f"--data.train_text={texts / 'train.txt'}", f"--data.valid_text={texts / 'valid.txt'}"]


def test_a_run_is_self_contained(trained_run, texts):
    names = {str(path.relative_to(trained_run)) for path in trained_run.rglob("*") if path.is_file()}
    checkpoints = {
        f"checkpoints/step_{step:08d}/{name}"
        for step in (2, 4)
        for name in ("model.safetensors", "optimizer.safetensors", "state.json")
    }
    names.discard("environment.diff")  # is there while somebody works on the code
    assert names == checkpoints | {
        "config.yaml",
        "data.json",
        "environment.json",
        "log.txt",
        "metrics.jsonl",
        "plots/loss.png",
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


@pytest.mark.parametrize("app", ["train_tinystories", "train_owt", "leaderboard"])
def test_without_data_they_end_with_one_sentence(app, tmp_path):
    done = subprocess.run([sys.executable, APPS / f"{app}.py"], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "error: no data: give --data.train_text FILE and --data.valid_text FILE, "
        "or token files with --data.train_tokens and --data.valid_tokens\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_stopping_and_resuming_changes_no_bit(call, tmp_path, trained_run, texts):
    """Through the command line: a run of two steps that is prolonged to four equals the run of four."""
    whole = tmp_path / "whole"
    tokens = [f"--data.{name}_tokens={trained_run / 'tokens' / name}.bin" for name in ("train", "valid")]
    constant = ["--schedule.shape=constant"]  # the others depend on how long the run will be
    options = [*TINY_MODEL, *TINY_TRAINING, *tokens, *constant]
    assert call(main, *options, f"--run.directory={whole}").code == 0
    stopped = tmp_path / "stopped"
    assert (
        call(main, *options, f"--run.directory={stopped}", "--training.steps=2", "--schedule.warmup_fraction=0").code
        == 0
    )
    again = call(main, "--resume", stopped, "--training.steps=4", "--schedule.warmup_fraction=0.01")
    assert again.code == 0
    assert "resuming after step 2" in again.output
    one, other = (load_file(run / "checkpoints" / "step_00000004" / "model.safetensors") for run in (whole, stopped))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_tokenizer_and_tokens_can_be_given(call, tmp_path, trained_run, texts):
    tokens = [f"--data.{name}_tokens={trained_run / 'tokens' / name}.bin" for name in ("train", "valid")]
    tokenizer = f"--data.tokenizer={trained_run / 'tokenizer.json'}"
    run = tmp_path / "run"
    assert call(main, *TINY_MODEL, *TINY_TRAINING, *tokens, tokenizer, f"--run.directory={run}").code == 0
    assert (run / "tokenizer.json").read_bytes() == (trained_run / "tokenizer.json").read_bytes()
    one, other = (read_metrics(path / "metrics.jsonl") for path in (run, trained_run))
    assert [entry.get("valid_loss") for entry in one] == [entry.get("valid_loss") for entry in other]

    mixed = tmp_path / "mixed"
    valid = f"--data.valid_text={texts / 'valid.txt'}"
    outcome = call(main, *TINY_MODEL, *TINY_TRAINING, tokens[0], valid, tokenizer, f"--run.directory={mixed}")
    assert outcome.code == 0
    assert [entry.get("valid_loss") for entry in read_metrics(mixed / "metrics.jsonl")] == [
        entry.get("valid_loss") for entry in other
    ]


def test_several_token_files_can_be_given(call, tmp_path, trained_run):
    tokens = [str(trained_run / "tokens" / f"{name}.bin") for name in ("train", "valid")]
    options = [
        *TINY_MODEL,
        *TINY_TRAINING,
        f"--data.train_tokens={json.dumps(tokens)}",
        f"--data.valid_tokens={tokens[1]}",
    ]
    for name, more in (("weighted", "--data.train_weights=[3, 1]"), ("epochs", "--data.order=epoch")):
        outcome = call(main, *options, more, f"--run.directory={tmp_path / name}")
        assert outcome.code == 0
        counts = [read_token_file_info(path).count for path in tokens]
        assert f"{sum(counts):,} tokens to train on, {counts[1]:,} to evaluate on" in outcome.output
    refused = call(main, *options, "--data.train_weights=[1]", f"--run.directory={tmp_path / 'refused'}")
    assert "data.train_weights has 1 weights for 2 files: give one for each file" in refused.one_line_error()
    assert not (tmp_path / "refused").exists()
    options[-2] = f"--data.train_tokens={json.dumps([tokens[0], 'none.bin'])}"
    refused = call(main, *options, f"--run.directory={tmp_path / 'refused'}")
    assert "'none.bin' (data.train_tokens) is not a file" in refused.one_line_error()


def test_weights_and_biases_offline(call, tmp_path, texts, monkeypatch):
    run = tmp_path / "run"
    options = [*TINY_MODEL, *TINY_TRAINING, *data_options(texts), f"--run.directory={run}", "--wandb.mode=offline"]
    assert call(main, *options).code == 0
    assert list(run.glob("wandb/offline-run-*/run-*.wandb"))


def test_a_vocabulary_that_the_text_cannot_fill_is_noted(call, tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("ab " * 200)
    options = [*TINY_MODEL, *TINY_TRAINING, f"--data.train_text={text}", f"--data.valid_text={text}"]
    outcome = call(main, *options, f"--run.directory={tmp_path / 'run'}")
    assert outcome.code == 0
    assert "note: training stopped at 259 entries instead of 300" in outcome.output


def test_a_pattern_that_cannot_be_saved_is_refused_before_training(call, tmp_path, texts, monkeypatch):
    monkeypatch.setattr("text_data.train_bpe", lambda *arguments, **options: pytest.fail("it was trained"))
    options = [*TINY_MODEL, *TINY_TRAINING, *data_options(texts), f"--run.directory={tmp_path / 'run'}"]
    assert call(main, *options, "--data.pattern=$").code == 2


@pytest.fixture
def bad(tmp_path, texts):
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "empty.txt").touch()
    (folder / "latin.txt").write_bytes(b"caf\xe9 " * 100)
    (folder / "short.txt").write_text("too short")
    (folder / "config.yaml").write_text("model:\n  d_modell: 5\n")
    (folder / "tokenizer.json").write_text("{}")
    (folder / "exists").mkdir()
    return folder


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--data.train_text=BAD/missing.txt"], "missing.txt' (data.train_text) is not a file: check its name"),
        (["--data.valid_text=BAD/missing.txt"], "missing.txt' (data.valid_text) is not a file"),
        (["--data.train_text="], "'' (data.train_text) is not a file"),
        (["--data.train_text=BAD/empty.txt"], "empty.txt is empty: give a file with text in it"),
        (["--data.valid_text=BAD/empty.txt"], "empty.txt is empty"),
        (["--data.train_text=BAD/latin.txt"], "latin.txt is not UTF-8: byte 0xe9 at offset 3"),
        (["--data.valid_text=BAD/latin.txt"], "latin.txt is not UTF-8: byte 0xe9 at offset 3"),
        (["--data.valid_text=BAD/short.txt"], "one window takes 32 and the one that follows: give more text, or lower"),
        (["--model.vocab_size=256"], "vocab_size is 256, but the 256 bytes and 1 special tokens already make 257"),
        (["--data.tokenizer=BAD/tokenizer.json"], "tokenizer.json: 'model' is missing"),
        (
            ["--data.tokenizer=RUN/tokenizer.json", "--model.vocab_size=299"],
            "has 300 entries, but model.vocab_size is 299",
        ),
        (["--data.train_tokens=RUN/tokens/train.bin"], "data.train_text and data.train_tokens are both given"),
        (["--data.pattern=(oops"], "split pattern '(oops' is neither"),
        (
            [r"--data.pattern=\w+"],
            r"the split pattern has '\\w+' at character 0: other libraries may read",
        ),
        (["--config=BAD/config.yaml"], "unknown key model.d_modell: did you mean model.d_model?"),
        (["--config=BAD/none.yaml"], "none.yaml does not exist"),
        (["--trainin.steps=5"], "unknown option --trainin.steps: did you mean --training.steps?"),
        (["--model.num_heads=3"], "d_model = 16 cannot be shared by 3 heads"),
        (["--run.device=tpu9"], "run.device is 'tpu9'"),
        (["--run.seed=10000000000000000000000"], "run.seed is 10000000000000000000000: give 0 or more, below 2**63"),
        (["--optimizer.weight_decay=-1"], "optimizer.weight_decay is -1.0"),
        (["--optimizer.betas=[2,0.9]"], "optimizer.betas is (2.0, 0.9)"),
        (["--run.directory=BAD/exists"], "exists already exists: choose another run.directory"),
        (["--resume=BAD/exists"], "exists is not a run (it has no config.yaml)"),
        (["--resume=BAD/nowhere"], "nowhere is not a run"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(call, bad, tmp_path, texts, trained_run, options, message):
    before = sorted(bad.rglob("*"))
    filled = [option.replace("BAD", str(bad)).replace("RUN", str(trained_run)) for option in options]
    given = [*TINY_MODEL, *TINY_TRAINING, *data_options(texts), f"--run.directory={bad / 'run'}", *filled]
    assert message in call(main, *given).one_line_error()
    assert sorted(bad.rglob("*")) == before


def test_token_ids_outside_the_vocabulary(call, tmp_path, trained_run):
    tokens = [f"--data.{name}_tokens={trained_run / 'tokens' / name}.bin" for name in ("train", "valid")]
    options = [*TINY_MODEL, *TINY_TRAINING, *tokens, "--model.vocab_size=290", f"--run.directory={tmp_path / 'run'}"]
    error = call(main, *options).one_line_error()
    assert "train.bin has the id 29" in error
    assert "but the model's vocabulary is 290: raise model.vocab_size" in error
    assert list(tmp_path.iterdir()) == []


def test_tokens_of_another_tokenizer(call, tmp_path, trained_run):
    other = Tokenizer({byte: bytes([byte]) for byte in range(256)}, [])
    other.save(tmp_path / "other.json")
    tokens = [f"--data.{name}_tokens={trained_run / 'tokens' / name}.bin" for name in ("train", "valid")]
    options = [*TINY_MODEL, *TINY_TRAINING, *tokens, f"--data.tokenizer={tmp_path / 'other.json'}"]
    error = call(main, *options, f"--run.directory={tmp_path / 'run'}").one_line_error()
    assert "train.bin was not made with" in error


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda run: shutil.rmtree(run / "checkpoints"),
            "holds no checkpoint: the run stopped before its first, so start it again",
        ),
        (lambda run: cut(*run.glob("checkpoints/*/model.safetensors")), "is truncated or damaged"),
        (lambda run: cut(*run.glob("checkpoints/*/state.json")), "holds no whole checkpoint"),
        (lambda run: cut(run / "tokens" / "train.bin"), "bytes, but should have"),
        (lambda run: (run / "tokens" / "valid.bin").unlink(), "valid.bin does not exist"),
    ],
)
def test_resuming_a_damaged_run(call, tmp_path, trained_run, spoil, message):
    run = tmp_path / "run"
    shutil.copytree(trained_run, run)
    spoil(run)
    metrics = (run / "metrics.jsonl").read_bytes()
    assert message in call(main, "--resume", run, "--training.steps=6").one_line_error()
    assert (run / "metrics.jsonl").read_bytes() == metrics


def cut(*paths):
    for path in paths:
        path.write_bytes(path.read_bytes()[:-50])


def test_resuming_with_another_model(call, tmp_path, trained_run):
    run = tmp_path / "run"
    shutil.copytree(trained_run, run)
    error = call(main, "--resume", run, "--model.num_layers=2").one_line_error()
    assert "keeps its data, its model and its seed: model.num_layers: 1 before, 2 now" in error
    assert (run / "config.yaml").read_bytes() == (trained_run / "config.yaml").read_bytes()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--data.train_text=other.txt", "keeps its data, its model and its seed: data.train_text: "),
        ("--data.pattern=cl100k", "data.pattern: 'gpt2' before, 'cl100k' now"),
        ("--run.seed=9", "run.seed: 0 before, 9 now"),
        ("--run.directory=elsewhere", "a resumed run keeps its folder: leave out --run.directory elsewhere"),
    ],
)
def test_a_resumed_run_keeps_what_it_is(call, tmp_path, trained_run, option, message):
    run = tmp_path / "run"
    shutil.copytree(trained_run, run)
    assert message in call(main, "--resume", run, option).one_line_error()


def test_a_run_may_be_moved_and_its_log_says_what_was_changed(call, tmp_path, trained_run):
    run = tmp_path / "a moved run"
    shutil.copytree(trained_run, run)
    outcome = call(main, "--resume=auto", f"--run.directory={run}", "--training.steps=5", "--schedule.max_lr=0.002")
    assert outcome.code == 0, outcome
    assert "the run goes on with training.steps: 4 before, 5 now" in (run / "log.txt").read_text()
    assert "the run goes on with schedule.max_lr: " in (run / "log.txt").read_text()
    assert yaml.safe_load((run / "config.yaml").read_text())["run"]["directory"] == str(run)


def test_token_files_may_be_moved(call, tmp_path, trained_run):
    tokens = tmp_path / "tokens"
    shutil.copytree(trained_run / "tokens", tokens)
    run = tmp_path / "run"
    options = [f"--data.{name}_tokens={tokens / name}.bin" for name in ("train", "valid")]
    assert call(main, *TINY_MODEL, *TINY_TRAINING, *options, f"--run.directory={run}").code == 0
    moved = tokens.rename(tmp_path / "elsewhere")
    assert "does not exist" in call(main, "--resume", run, "--training.steps=5").one_line_error()
    options = [f"--data.{name}_tokens={moved / name}.bin" for name in ("train", "valid")]
    assert call(main, "--resume", run, "--training.steps=5", *options).code == 0


def test_a_closed_pipe_ends_nothing(tmp_path, texts):
    """Nobody reads what is printed: `… | true`."""
    program = APPS / "train_tinystories.py"
    run = tmp_path / "run"
    command = [sys.executable, program, *TINY_MODEL, *TINY_TRAINING, *data_options(texts), f"--run.directory={run}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        errors = process.stderr.read()
    assert process.returncode == 0, errors
    assert (run / "checkpoints" / "step_00000004").is_dir()


def test_a_prompt_that_is_too_long_is_refused_before_training(call, tmp_path, trained_run):
    run = tmp_path / "run"
    shutil.copytree(trained_run, run)
    outcome = call(main, "--resume", run, "--training.steps=5", f"--sample.prompt={'many words ' * 40}")
    assert "tokens, but model.context_length is 32: shorten it" in outcome.one_line_error()


def test_samples_that_there_will_not_be_are_told_of(call, tmp_path, trained_run):
    options = [f"--data.{name}_tokens={trained_run / 'tokens' / name}.bin" for name in ("train", "valid")]
    run = tmp_path / "run"
    outcome = call(main, *TINY_MODEL, *TINY_TRAINING, *options, f"--run.directory={run}", "--sample.prompt=One")
    assert "there will be no samples: the run has no tokenizer" in outcome.output


def stop_at(monkeypatch, update, error):
    """Let the training step of an update raise an error."""
    from trainer import loop

    calls = []

    def step(*arguments, original=loop.train_step, **keywords):
        calls.append(1)
        if len(calls) == update:
            raise error
        return original(*arguments, **keywords)

    monkeypatch.setattr(loop, "train_step", step)


@pytest.mark.parametrize(
    ("update", "message"),
    [
        (1, "interrupted: there is no checkpoint yet: delete RUN and start again, or add --resume auto to the command"),
        (3, "interrupted: go on from step_00000002 with uv run app --resume RUN"),
    ],
)
def test_ctrl_c_says_how_to_go_on(call, tmp_path, texts, monkeypatch, update, message):
    stop_at(monkeypatch, update, KeyboardInterrupt())
    run = tmp_path / "a run"
    options = ["--checkpoints.background=false", f"--run.directory={run}"]
    outcome = call(main, *TINY_MODEL, *TINY_TRAINING, *data_options(texts), *options)
    assert outcome.code == 130
    assert message.replace("RUN", f"'{run}'" if update > 1 else str(run)) in outcome.errors
    assert "Traceback" not in outcome.errors


def test_being_asked_to_stop_saves_and_has_a_code_of_its_own(call, tmp_path, texts, monkeypatch):
    from trainer import loop

    def step(*arguments, original=loop.train_step, **keywords):
        os.kill(os.getpid(), signal.SIGTERM)
        return original(*arguments, **keywords)

    monkeypatch.setattr(loop, "train_step", step)
    run = tmp_path / "run"
    outcome = call(main, *TINY_MODEL, *TINY_TRAINING, *data_options(texts), f"--run.directory={run}")
    assert outcome.code == 75
    assert "interrupted: SIGTERM: step 1 is saved; go on from step_00000001 with" in outcome.errors
    monkeypatch.undo()


def test_samples_show_how_it_comes_along(call, tmp_path, texts):
    options = [*TINY_MODEL, *TINY_TRAINING, *data_options(texts), f"--run.directory={tmp_path / 'run'}"]
    outcome = call(main, *options, "--sample.prompt=One day", "--sample.max_new_tokens=5")
    assert outcome.code == 0, outcome
    assert "step 2, a sample: One day" in outcome.output
    assert "step 4, a sample: One day" in (tmp_path / "run" / "log.txt").read_text()
    assert "sample.max_new_tokens is 0" in call(main, "--sample.max_new_tokens=0").one_line_error()


def test_resume_auto_starts_and_goes_on(call, tmp_path, texts):
    run = tmp_path / "run"
    options = [*TINY_MODEL, *TINY_TRAINING, *data_options(texts), f"--run.directory={run}", "--resume=auto"]
    assert call(main, *options).code == 0
    again = call(main, *options, "--training.steps=6")
    assert again.code == 0, again
    assert "resuming after step 4" in again.output
    assert "note: the run goes on with training.steps: 4 before, 6 now" in again.output
    assert "already exists" in call(main, *options, "--resume=never").one_line_error()
    shutil.rmtree(run / "checkpoints")  # as if it had been killed before the first
    again = call(main, *options)
    assert again.code == 0, again
    assert (run / "checkpoints" / "step_00000004").is_dir()


def test_other_data_is_refused_with_the_difference(call, tmp_path, trained_run):
    run = tmp_path / "run"
    shutil.copytree(trained_run, run)
    tokens = run / "tokens" / "train.bin"
    content = bytearray(tokens.read_bytes())
    content[10:12] = b"\x01\x00"
    tokens.write_bytes(content)
    error = call(main, "--resume", run, "--training.steps=5").one_line_error()
    assert "the run was started on other data: train, " in error
    assert "other ids (sha256 " in error


def test_a_dry_run_trains_nothing(call, tmp_path, texts, trained_run):
    options = [*TINY_MODEL, *TINY_TRAINING, *data_options(texts), f"--run.directory={tmp_path / 'run'}", "--dry-run"]
    outcome = call(main, *options)
    assert outcome.code == 0, outcome
    for part in ("parameters: ", "FLOPs: ", "memory: about ", "time: ", "4 × 32 = 128 tokens"):
        assert part in outcome.output
    assert "bytes of text, which the run encodes first" in outcome.output
    assert "blocks.*.attention.q_proj.weight" in outcome.output
    assert not (tmp_path / "run").exists()
    folder = trained_run / "tokens"
    tokens = [f"--data.{name}_tokens={folder / name}.bin" for name in ("train", "valid")]
    options = [*TINY_MODEL, *TINY_TRAINING, *tokens, f"--run.directory={tmp_path / 'run'}", "--dry-run"]
    of_tokens = call(main, *options, "--training.precision=bfloat16", "--training.gradient_accumulation=2").output
    assert f"data: {folder / 'train.bin'}, " in of_tokens
    assert "for a step, mixed (" in of_tokens
    assert "2 sequences at once" in of_tokens
    assert not (tmp_path / "run").exists()
    assert "tokens, sha256 " in call(main, "--resume", trained_run, "--dry-run").output


def test_print_config_prints_what_would_be_run(call):
    outcome = call(main, "--training.steps=7", "--print-config")
    assert outcome.code == 0
    assert "steps: 7" in outcome.output


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory."), MemoryError()])
def test_out_of_memory_is_one_line(call, tmp_path, texts, monkeypatch, error):
    stop_at(monkeypatch, 1, error)
    options = [*TINY_MODEL, *TINY_TRAINING, *data_options(texts), f"--run.directory={tmp_path / 'run'}"]
    assert "out of memory: lower training.batch_size" in call(main, *options).one_line_error()


def test_the_traceback_can_be_asked_for(tmp_path):
    environment = {**os.environ, "TRACEBACK": "1"}
    command = [sys.executable, APPS / "train_tinystories.py"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_help(call):
    outcome = call(main, "--help")
    assert outcome.code == 0
    assert "--data.train_text" in outcome.output
    assert "--resume" in outcome.output
