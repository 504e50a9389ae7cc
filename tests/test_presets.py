"""Which preset suits this machine: the note where there is no accelerator."""

import re

import pytest
import torch

from presets import cpu_preset_note
from text_config import TextRunConfig
from trainer import parse_config

from .conftest import ROOT, text_options, train


def read(name, *arguments):
    return parse_config(TextRunConfig, arguments, files=[ROOT / "configs" / name])[0]


@pytest.mark.parametrize("name", ["tinystories", "owt"])
def test_a_preset_for_a_gpu_is_answered_with_its_hours_and_the_one_for_a_cpu(monkeypatch, name):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("presets.usable_cores", lambda: 2)
    note = cpu_preset_note(read(f"{name}.yaml", "--run.device=cpu"), f"{name}.yaml")
    hours = re.search(rf"configs/{name}.yaml would take about ([0-9,]+) hours on 2 CPU cores", note)[1]
    assert 80 < int(hours.replace(",", "")) < 10_000
    assert note.endswith(f"give --config configs/{name}_cpu.yaml")
    monkeypatch.setattr("presets.usable_cores", lambda: 4)
    twice = cpu_preset_note(read(f"{name}.yaml", "--run.device=cpu"), f"{name}.yaml")
    half = re.search("about ([0-9,]+) hours on 4", twice)[1]
    assert int(half.replace(",", "")) == pytest.approx(int(hours.replace(",", "")) / 2, abs=1)


def test_a_preset_with_a_time_limit_is_answered_with_its_steps(monkeypatch):
    monkeypatch.setattr("presets.usable_cores", lambda: 2)
    note = cpu_preset_note(read("leaderboard.yaml", "--run.device=cpu"), "leaderboard.yaml")
    assert re.search("would make about [0-9]+ steps in its 1.5 hours on 2 CPU cores", note)
    assert note.endswith("give --config configs/leaderboard_cpu.yaml")


def test_there_is_no_note_where_none_is_needed(monkeypatch):
    config = read("tinystories.yaml", "--run.device=cpu")
    assert cpu_preset_note(config, None) is None  # a configuration was named
    assert (
        cpu_preset_note(read("tinystories.yaml", "--run.device=cpu", "--training.steps=10"), "tinystories.yaml") is None
    )
    assert cpu_preset_note(config, "tinystories_cpu.yaml") is None  # which has no smaller one
    monkeypatch.setattr("trainer.choose_device", lambda name: torch.device("cuda"))
    assert cpu_preset_note(config, "tinystories.yaml") is None


def test_the_command_prints_it_before_anything_is_refused(call, tmp_path, texts):
    options = [*text_options(texts), "--run.device=cpu", "--training.batch_size=100000"]
    outcome = call(train, *options, f"--run.directory={tmp_path / 'run'}")
    assert outcome.code == 2
    assert outcome.output.startswith(
        "note: there is no accelerator here, and configs/tinystories.yaml would take about "
    )
    assert outcome.errors.startswith("error: a training step with 100000 sequences at once needs about ")
