"""Runs that start from given weights: of a run, of a checkpoint, of a model from another library."""

import json
import shutil
import struct
import subprocess
import sys

import numpy as np
import pytest
import torch
import yaml

from bpe import Tokenizer
from export_run import main as export_run
from import_model import main as import_model
from nn import ModelConfig, TransformerLM
from text_config import read_run_config
from trainer import RunDirectory, evaluate, load_checkpoint, read_metrics, save_checkpoint
from trainer.data import validation_batches

from .conftest import APPS, TINY_TRAINING, text_options, token_options, train

CPU = "--run.device=cpu"


@pytest.fixture
def start(call, tmp_path, texts):
    """Start a run from a source, on the stories, and return what came of it."""

    def run(source, *options, data=None):
        given = [f"--run.init_from={source}", f"--run.directory={tmp_path / 'more'}", CPU, *TINY_TRAINING]
        return call(train, *given, *(text_options(texts) if data is None else data), *options)

    return run


@pytest.fixture
def exported(call, tmp_path, trained_run):
    """A Llama folder with the weights and the tokenizer of the trained run."""
    assert call(export_run, trained_run, tmp_path / "llama").code == 0
    return tmp_path / "llama"


def weights_at(run, step):
    model = TransformerLM(read_run_config(RunDirectory(run)).model)
    load_checkpoint(run / "checkpoints" / f"step_{step:08d}", model)
    return model


def valid_loss(model, run):
    """The loss of a model on the validation tokens of a run, on all of them."""
    config = read_run_config(RunDirectory(run))
    tokens = np.memmap(run / "tokens" / "valid.bin", np.uint16, "r")
    return evaluate(model, validation_batches(tokens, 4, config.model.context_length, "cpu"))


def first_valid_loss(run):
    return next(entry["valid_loss"] for entry in read_metrics(run / "metrics.jsonl") if "valid_loss" in entry)


@pytest.mark.parametrize(
    ("source", "optimizer"), [("RUN", "adamw"), ("RUN/checkpoints/step_00000002", "muon"), ("LLAMA", "sgd")]
)
def test_a_run_starts_where_the_source_ended(start, tmp_path, trained_run, exported, source, optimizer):
    outcome = start(
        source.replace("RUN", str(trained_run)).replace("LLAMA", str(exported)),
        "--training.eval_batches=null",
        f"--optimizer.name={optimizer}",
    )
    assert outcome.code == 0, outcome
    run = tmp_path / "more"
    before = weights_at(trained_run, 2 if "step_" in source else 4)
    assert first_valid_loss(run) == pytest.approx(valid_loss(before, run), rel=1e-5)
    assert [entry["step"] for entry in read_metrics(run / "metrics.jsonl") if "valid_loss" in entry] == [0, 2, 4]
    after = weights_at(run, 4)
    assert not torch.equal(after.lm_head.weight, before.lm_head.weight)
    assert (run / "tokenizer.json").is_file()
    assert (
        Tokenizer.load(run / "tokenizer.json").fingerprint == Tokenizer.load(trained_run / "tokenizer.json").fingerprint
    )


def test_the_run_records_where_its_weights_came_from(start, tmp_path, trained_run):
    assert start(trained_run, "--model.window=8", "--model.context_length=48").code == 0
    run = tmp_path / "more"
    (session,) = json.loads((run / "environment.json").read_text())["sessions"]
    source = session["initial_weights"]
    checkpoint = trained_run / "checkpoints" / "step_00000004"
    assert (source["path"], source["step"]) == (str(checkpoint), 4)
    state = json.loads((checkpoint / "state.json").read_text())
    assert source["sha256"] == {"model.safetensors": state["files"]["model.safetensors"]["sha256"]}
    log = (run / "log.txt").read_text()
    assert f"initial weights from {checkpoint}, trained for 4 steps" in log
    assert "model.context_length is 48, 32 there; model.window is 8, None there" in log
    assert read_run_config(RunDirectory(run)).run.init_from == str(trained_run)


def test_the_source_is_not_needed_to_resume(call, start, tmp_path, run_copy, texts):
    config = tmp_path / "other.yaml"  # names another model, which the source overrides
    config.write_text("model:\n  num_layers: 3\n  d_model: 64\n")
    again = ["--config", config, "--resume=auto"]
    assert start(run_copy, *again).code == 0
    run = tmp_path / "more"
    shutil.rmtree(run_copy)
    outcome = start(run_copy, *again, "--training.steps=6")
    assert outcome.code == 0, outcome
    assert "resuming after step 4" in outcome.output
    assert call(train, "--resume", run, "--training.steps=7").code == 0
    sessions = json.loads((run / "environment.json").read_text())["sessions"]
    assert [session["initial_weights"] is None for session in sessions] == [False, True, True]
    shutil.rmtree(run / "checkpoints")  # as if it had been killed before its first checkpoint
    assert start(run_copy, *again, "--training.steps=2").code == 0
    sessions = json.loads((run / "environment.json").read_text())["sessions"]
    assert sessions[-1]["initial_weights"] == sessions[0]["initial_weights"]
    refused = call(train, "--resume", run, "--run.init_from=elsewhere", "--training.steps=9").one_line_error()
    assert f"run.init_from: '{run_copy}' before, 'elsewhere' now" in refused


def test_a_model_of_transformers_is_trained_on(call, start, tmp_path, trained_run):
    """Their weights and a tokenizer of fewer entries than the model has rows, imported or not."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    shape = {"vocab_size": 320, "max_position_embeddings": 48, "tie_word_embeddings": True, "num_key_value_heads": 2}
    theirs = transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes, **shape)).eval()
    theirs.save_pretrained(tmp_path / "llama")
    shutil.copy(trained_run / "tokenizer.json", tmp_path / "llama")
    imported = call(import_model, tmp_path / "llama", tmp_path / "imported")
    assert f"--run.init_from {tmp_path / 'imported'}" in imported.output
    losses = []
    for source in ("llama", "imported"):
        outcome = start(
            tmp_path / source, "--training.eval_batches=null", f"--run.directory={tmp_path / f'from_{source}'}"
        )
        assert outcome.code == 0, outcome
        run = tmp_path / f"from_{source}"
        losses.append(first_valid_loss(run))
        model = weights_at(run, 4)
        assert model.lm_head.weight is model.embedding.weight
    tokens = torch.from_numpy(np.fromfile(run / "tokens" / "valid.bin", np.uint16).astype(np.int64))
    full = (len(tokens) - 1) // 48
    inputs, targets = (tokens[k : k + 48 * full].view(full, 48) for k in (0, 1))
    with torch.no_grad():
        theirs_loss = torch.nn.functional.cross_entropy(theirs(inputs).logits.flatten(0, 1), targets.flatten()).item()
    assert losses[0] == losses[1] == pytest.approx(theirs_loss, rel=1e-2)  # which leaves out the last, shorter window


def write_llama2c(path, model):
    """Write a checkpoint of llama2.c's version 0."""
    config = model.config
    sizes = (config.d_model, config.feedforward_width, config.num_layers, config.num_heads, config.kv_heads)
    state = model.state_dict()
    kinds = ("attention_norm", "attention.q_proj", "attention.k_proj", "attention.v_proj", "attention.output_proj")
    kinds += ("feedforward_norm", "feedforward.w1", "feedforward.w2", "feedforward.w3")
    names = [
        "embedding",
        *(f"blocks.{layer}.{kind}" for kind in kinds for layer in range(config.num_layers)),
        "final_norm",
    ]
    with path.open("wb") as file:
        file.write(struct.pack("<7i", *sizes, config.vocab_size, config.context_length))
        for name in names:
            file.write(state[f"{name}.weight"].numpy().tobytes())
        file.write(bytes(4 * config.context_length * config.d_head))


def test_a_checkpoint_of_llama2c(start, tmp_path, trained_run):
    model = TransformerLM(ModelConfig(300, 32, 16, 1, 2, tie_embeddings=True))
    write_llama2c(tmp_path / "stories.bin", model)
    assert "give it with --data.tokenizer FILE" in start(tmp_path / "stories.bin").one_line_error()
    outcome = start(
        tmp_path / "stories.bin", f"--data.tokenizer={trained_run / 'tokenizer.json'}", "--training.eval_batches=null"
    )
    assert outcome.code == 0, outcome
    assert first_valid_loss(tmp_path / "more") == pytest.approx(valid_loss(model, tmp_path / "more"), rel=1e-5)


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("nowhere", [], "'nowhere' (run.init_from) does not exist: give a run, a checkpoint of a run, a folder of"),
        ("EMPTY", [], "(run.init_from) is neither of them: give a run"),
        ("EMPTY/state", [], "is a checkpoint outside the folder of a run, where its configuration and tokenizer are"),
        ("UNTRAINED", [], "contains no checkpoint"),
        (
            "RUN",
            ["--model.num_layers=2"],
            "model.num_layers is 2, but 1 in RUN. Remove the option; only model.attention",
        ),
        ("RUN", ["--model", "{d_model: 32, num_heads: 2}"], "model.d_model is 32, but 16 in RUN. Remove"),
        ("RUN", ["--model.rope_theta=500"], "model.rope_theta is 500.0, but 10000.0 in RUN"),
        (
            "RUN",
            ["--data.tokenizer=OTHER"],
            "is not the tokenizer that belongs to the weights of RUN, which is RUN/tok",
        ),
        ("LLAMA", ["--model.vocab_size=301"], "model.vocab_size is 301, but 300 in LLAMA"),
        ("TOKENS", [], "other.bin was encoded with another tokenizer"),
    ],
)
def test_what_does_not_fit_is_named(
    start, tmp_path, texts, trained_run, exported, monkeypatch, source, options, message
):
    """Before anything is written, and before torch would be needed."""
    monkeypatch.setattr("text_run.require_memory", lambda config: pytest.fail("it was started"))
    (tmp_path / "empty").mkdir()
    save_checkpoint(torch.nn.Linear(1, 1), None, 1, tmp_path / "empty" / "state")
    untrained = tmp_path / "untrained"
    untrained.mkdir()
    shutil.copy(trained_run / "config.yaml", untrained)
    other = Tokenizer({byte: bytes([byte]) for byte in range(256)}, [])
    other.save(tmp_path / "other.json")
    places = {"RUN": trained_run, "LLAMA": exported, "EMPTY": tmp_path / "empty", "UNTRAINED": untrained}
    places |= {"OTHER": tmp_path / "other.json", "TOKENS": trained_run}

    def filled(text):
        for name, place in sorted(places.items(), key=lambda item: -len(item[0])):
            text = text.replace(name, str(place))
        return text

    data = None
    if source == "TOKENS":
        for name in ("train", "valid"):
            for end in (".bin", ".bin.json"):
                shutil.copy(trained_run / "tokens" / f"{name}{end}", tmp_path / f"other{end}")
        description = json.loads((tmp_path / "other.bin.json").read_text())
        (tmp_path / "other.bin.json").write_text(json.dumps({**description, "tokenizer_sha256": other.fingerprint}))
        data = [f"--data.{name}_tokens={tmp_path / 'other.bin'}" for name in ("train", "valid")]
    error = start(filled(source), *map(filled, options), data=data).one_line_error()
    assert filled(message) in error
    assert not (tmp_path / "more").exists()


def test_mistakes_are_reported_before_torch_is_loaded(tmp_path, trained_run, texts):
    program = (
        "import runpy, sys\n"
        "try:\n    runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "finally:\n    print([name for name in ('torch', 'numpy') if name in sys.modules])"
    )
    for source, option in [("nowhere", "--run.seed=1"), (trained_run, "--model.num_layers=2")]:
        app = f"import sys; sys.argv[0] = {str(APPS / 'train_owt.py')!r}; sys.path[0] = {str(APPS)!r}\n"
        given = [f"--run.init_from={source}", option, *text_options(texts)]
        done = subprocess.run(
            [sys.executable, "-c", app + program, *given], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (2, "[]\n")
        assert "run.init_from" in done.stderr


def test_damaged_weights_leave_nothing_behind(start, tmp_path, run_copy, exported):
    path = exported / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    assert "is truncated or damaged" in start(exported).one_line_error()
    config = yaml.safe_load((run_copy / "config.yaml").read_text())
    config["model"]["d_ff"] = 32
    (run_copy / "config.yaml").write_text(yaml.dump(config))
    assert "belongs to a different model: blocks.0.feedforward.w1.weight is " in start(run_copy).one_line_error()
    assert not (tmp_path / "more").exists()


def test_tokens_of_the_same_tokenizer_and_an_equal_option_are_accepted(start, tmp_path, trained_run):
    data = token_options(trained_run / "tokens")
    outcome = start(trained_run, "--model.d_ff=64", "--model.num_kv_heads=2", "--model.d_model=16", data=data)
    assert outcome.code == 0, outcome
    assert (tmp_path / "more" / "tokenizer.json").is_file()


def test_a_run_on_tokens_alone_passes_on_which_tokenizer_it_had(call, start, tmp_path, texts, trained_run):
    (run := shutil.copytree(trained_run, tmp_path / "bare")).joinpath("tokenizer.json").unlink()
    assert "has no tokenizer.json, and text must be encoded" in start(run).one_line_error()
    assert start(run, f"--data.tokenizer={trained_run / 'tokenizer.json'}").code == 0
    other = Tokenizer({byte: bytes([byte]) for byte in range(256)}, [])
    other.save(tmp_path / "other.json")
    refused = start(run, f"--data.tokenizer={tmp_path / 'other.json'}").one_line_error()
    assert "other.json (data.tokenizer) is not the tokenizer that belongs to the weights" in refused


def test_the_configuration_is_printed_with_the_model_of_the_source(start, exported, trained_run):
    for source in (trained_run, exported):
        outcome = start(source, "--print-config", "--model.window=7")
        printed = yaml.safe_load(outcome.output)
        assert printed["model"]["d_model"] == 16
        assert printed["model"]["window"] == 7
        assert printed["data"]["tokenizer"] == str(source / "tokenizer.json")
    outcome = start(trained_run, "--dry-run")
    assert f"initial weights: those of {trained_run}" in outcome.output
    assert start("nowhere", "--help").code == 0


def test_a_damaged_newest_checkpoint_is_passed_over(start, run_copy, tmp_path):
    path = run_copy / "checkpoints" / "step_00000004" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    outcome = start(run_copy)
    assert "skipping a damaged checkpoint" in outcome.output
    assert "step_00000002, trained for 2 steps" in (tmp_path / "more" / "log.txt").read_text()
