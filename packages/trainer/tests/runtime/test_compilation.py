"""When a run compiles, and that a compiled run gives the same losses and resumes bitwise."""

import dataclasses
import os
import re
import shutil
from pathlib import Path
from threading import Event
from unittest.mock import Mock

import pytest
import torch
from safetensors.torch import load_file
from torch._inductor.runtime.cache_dir_utils import cache_dir

from trainer import OptimizerConfig, RunDirectory, TrainingConfig, open_data, parse_config, read_metrics, train
from trainer.config import TrainConfig
from trainer.runtime.compilation import (
    compilation_progress,
    estimate_run_flops,
    keep_compiled_code,
    why_not_compiled,
)

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.fixture
def tools(monkeypatch):
    """All compilers are found, except those that a test adds to the returned set."""
    missing = set()
    monkeypatch.setattr(
        "trainer.runtime.compilation.shutil.which", lambda name: None if "c++" in missing else f"/bin/{name}"
    )
    monkeypatch.setattr(
        "trainer.runtime.compilation.importlib.util.find_spec", lambda name: name not in missing or None
    )
    return missing


def test_the_operations_of_a_run():
    assert estimate_run_flops(TrainConfig(), 1_000) == 6 * 327_680_000 * 1_000


@pytest.mark.parametrize(
    ("setting", "device", "flops", "reason"),
    [
        ("auto", CUDA, 1e9, None),
        ("auto", CPU, 1e14, None),
        ("auto", CPU, 9e13, "the run is short (9.0e+13 operations, below 1e+14)"),
        ("auto", torch.device("mps"), 1e20, "torch.compile does not support mps"),
        ("on", CPU, 1e9, None),
        ("off", CUDA, 1e20, "training.compile is off"),
    ],
)
def test_when_a_run_compiles(tools, setting, device, flops, reason):
    why_not = why_not_compiled(setting, device, flops)
    assert why_not is None if reason is None else why_not.startswith(reason)


def test_a_run_with_a_short_time_limit_is_not_compiled_on_a_cpu(tools):
    assert why_not_compiled("auto", CPU, 1e20, 60.0).startswith("the run is short (at most 60 s, below 900); use")
    assert why_not_compiled("auto", CPU, 1e20, 900.0) is None
    assert why_not_compiled("on", CPU, 1e20, 60.0) is None
    assert why_not_compiled("auto", CUDA, 1e20, 60.0) is None


@pytest.mark.parametrize(
    ("device", "tool", "message"), [(CPU, "c++", r"no C\+\+ compiler"), (CUDA, "triton", "triton.* is missing")]
)
def test_without_a_compiler_auto_is_off_and_on_is_refused(tools, device, tool, message):
    tools.add(tool)
    assert re.search(message, why_not_compiled("auto", device, 1e20))
    with pytest.raises(ValueError, match=f"training.compile is on, but .*{message}.*: use --training.compile auto"):
        why_not_compiled("on", device, 1e20)


def test_configurations_may_use_the_booleans_of_yaml(tmp_path):
    for text, setting in (("on", "on"), ("off", "off"), ("true", "on"), ("false", "off"), ("auto", "auto")):
        file = tmp_path / "config.yaml"
        file.write_text(f"training:\n  compile: {text}\n")
        assert parse_config(TrainConfig, [], files=[file])[0].training.compile == setting
        assert parse_config(TrainConfig, [f"--training.compile={text}"])[0].training.compile == setting


def test_a_short_run_logs_why_it_does_not_compile_and_which_optimizer_updates_what(config, run):
    config = dataclasses.replace(config, optimizer=OptimizerConfig(name="muon"))
    train(config, run, open_data(config.data, config.model))
    log = run.log.read_text()
    assert "not compiled: the run is short" in log
    assert "Muon       1   0.01       14" in log


@pytest.mark.skipif(not any(map(shutil.which, ("c++", "g++", "clang++"))), reason="compiles C++")
def test_a_compiled_run_gives_the_same_losses_and_resumes_bitwise(tmp_path, config):
    """Slow: it compiles once."""
    config = dataclasses.replace(config, model=dataclasses.replace(config.model, num_layers=1))
    settings = {"steps": 4, "batch_size": 4, "log_interval": 1, "eval_interval": 4, "checkpoint_interval": 2}
    losses, tensors = {}, {}
    data = open_data(config.data, config.model)
    for name, compile_setting in (("plain", "off"), ("compiled", "on"), ("resumed", "on")):
        run = RunDirectory(tmp_path / name)
        if name == "resumed":  # the compiled run, as it was after step 2
            shutil.copytree(tmp_path / "compiled", run.path)
            shutil.rmtree(run.checkpoint(4))
        else:
            run.path.mkdir()
        own = dataclasses.replace(config, training=TrainingConfig(compile=compile_setting, **settings))
        train(own, run, data, resume=name == "resumed")
        losses[name] = [entry["train_loss"] for entry in read_metrics(run.metrics) if "train_loss" in entry]
        tensors[name] = load_file(run.checkpoint(4) / "model.safetensors")
    assert losses["compiled"] == pytest.approx(losses["plain"], rel=1e-5)
    assert losses["resumed"] == losses["compiled"]
    assert tensors["compiled"].keys() == tensors["plain"].keys()
    assert all(torch.equal(tensors["resumed"][name], tensor) for name, tensor in tensors["compiled"].items())


def test_compiled_code_is_kept_in_a_folder_of_the_user(tmp_path, monkeypatch):
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert keep_compiled_code() == tmp_path / "torch" / "inductor"
    assert cache_dir() == str(tmp_path / "torch" / "inductor")

    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "chosen"))
    assert keep_compiled_code() == tmp_path / "chosen"


def test_where_the_users_folder_cannot_be_made_torch_chooses(tmp_path, monkeypatch):
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    keep_compiled_code()
    assert "TORCHINDUCTOR_CACHE_DIR" not in os.environ


@pytest.mark.parametrize("problem", ["read-only", "no home"])
def test_torch_chooses_where_the_user_has_no_folder_to_write_to(problem, tmp_path, monkeypatch):
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
    if problem == "read-only":
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        monkeypatch.setattr(os, "access", lambda *_: False)
    else:
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        monkeypatch.setattr(Path, "home", Mock(side_effect=RuntimeError("Could not determine home directory.")))
    keep_compiled_code()
    assert "TORCHINDUCTOR_CACHE_DIR" not in os.environ


def test_compiling_is_reported_while_it_takes_long_and_at_its_end():
    messages = []
    said_twice = Event()

    def message(text):
        messages.append(text)
        if len(messages) == 2:
            said_twice.set()

    with compilation_progress("the gradient", message, every=0.01):
        assert said_twice.wait(60)
    assert re.fullmatch(r"compiling the gradient: \d+ s so far", messages[0])
    assert re.fullmatch(r"compiled the gradient in \d+\.\d s", messages[-1])
