"""When a run compiles, and that a compiled run is the same run."""

import dataclasses
import re
import shutil

import pytest
import torch
from safetensors.torch import load_file

from trainer import OptimizerConfig, RunDirectory, TrainingConfig, open_data, parse_config, read_metrics, train
from trainer.config import TrainConfig
from trainer.runtime.compilation import make_loss_function, training_flops, why_not_compiled

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.fixture
def tools(monkeypatch):
    """All tools are there, unless a test takes one away."""
    missing = set()
    monkeypatch.setattr(
        "trainer.runtime.compilation.shutil.which", lambda name: None if "c++" in missing else f"/bin/{name}"
    )
    monkeypatch.setattr(
        "trainer.runtime.compilation.importlib.util.find_spec", lambda name: name not in missing or None
    )
    return missing


def test_what_a_run_computes():
    assert training_flops(TrainConfig(), 1_000) == 6 * 327_680_000 * 1_000


@pytest.mark.parametrize(
    ("setting", "device", "flops", "reason"),
    [
        ("auto", CUDA, 1e9, None),
        ("auto", CPU, 1e14, None),
        ("auto", CPU, 9e13, "the run is short (9.0e+13 operations, below 1e+14)"),
        ("auto", torch.device("mps"), 1e20, "nothing compiles for mps"),
        ("on", CPU, 1e9, None),
        ("off", CUDA, 1e20, "training.compile is off"),
    ],
)
def test_when_a_run_compiles(tools, setting, device, flops, reason):
    why_not = why_not_compiled(setting, device, flops)
    assert why_not is None if reason is None else why_not.startswith(reason)


@pytest.mark.parametrize(
    ("device", "tool", "message"), [(CPU, "c++", r"no C\+\+ compiler"), (CUDA, "triton", "triton.* is missing")]
)
def test_without_the_tools_auto_is_off_and_on_is_refused(tools, device, tool, message):
    tools.add(tool)
    assert re.search(message, why_not_compiled("auto", device, 1e20))
    with pytest.raises(ValueError, match=f"training.compile is on, but .*{message}.*: give training.compile auto"):
        why_not_compiled("on", device, 1e20)


def test_configurations_may_say_it_as_yaml_does(tmp_path):
    for text, meant in (("on", "on"), ("off", "off"), ("true", "on"), ("false", "off"), ("auto", "auto")):
        file = tmp_path / "config.yaml"
        file.write_text(f"training:\n  compile: {text}\n")
        assert parse_config(TrainConfig, [], files=[file])[0].training.compile == meant
        assert parse_config(TrainConfig, [f"--training.compile={text}"])[0].training.compile == meant


def test_a_short_run_says_why_it_does_not_compile_and_who_updates_what(config, run):
    config = dataclasses.replace(config, optimizer=OptimizerConfig(name="muon"))
    train(config, run, open_data(config.data, config.model))
    log = run.log.read_text()
    assert "not compiled: the run is short" in log
    assert "Muon     0.01       14" in log


def test_not_compiled_it_is_the_model_s_own():
    from nn import ModelConfig, TransformerLM

    model = TransformerLM(ModelConfig(vocab_size=31, context_length=8, d_model=16, num_layers=1, num_heads=2))
    assert make_loss_function(model, compiled=False) == model.loss


@pytest.mark.skipif(not any(map(shutil.which, ("c++", "g++", "clang++"))), reason="compiles C++")
def test_a_compiled_run_is_the_same_run_and_resumes_bit_for_bit(tmp_path, config):
    """Slow: it compiles once."""
    config = dataclasses.replace(config, model=dataclasses.replace(config.model, num_layers=1))
    settings = {"steps": 4, "batch_size": 4, "log_interval": 1, "eval_interval": 4, "checkpoint_interval": 2}
    losses, tensors = {}, {}
    for name, compile_setting in (("plain", "off"), ("compiled", "on"), ("resumed", "on")):
        run = RunDirectory(tmp_path / name)
        run.path.mkdir()
        whole = dataclasses.replace(config, training=TrainingConfig(compile=compile_setting, **settings))
        data = open_data(config.data, config.model)
        train(whole, run, data)
        if name == "resumed":  # as if it had stopped after step 2
            run.checkpoint(4).rename(run.path / "gone")
            train(whole, run, data, resume=True)
        losses[name] = [entry["train_loss"] for entry in read_metrics(run.metrics) if "train_loss" in entry]
        tensors[name] = load_file(run.checkpoint(4) / "model.safetensors")
    assert losses["compiled"] == pytest.approx(losses["plain"], rel=1e-5)
    assert losses["resumed"] == losses["compiled"]
    assert tensors["compiled"].keys() == tensors["plain"].keys()
    assert all(torch.equal(tensors["resumed"][name], tensor) for name, tensor in tensors["compiled"].items())
