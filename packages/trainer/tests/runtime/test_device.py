import pytest
import torch

from trainer import choose_device
from trainer.runtime.device import device_name


def test_there_is_always_a_cpu():
    assert choose_device("cpu") == torch.device("cpu")
    assert device_name(torch.device("cpu")) == "cpu"


def test_auto_takes_an_accelerator_if_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    assert choose_device("auto") == torch.device("cpu")
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)
    assert choose_device("auto") == torch.device("cuda")
    assert choose_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(ValueError, match="'cuda:2', but this machine has 2 such devices"):
        choose_device("cuda:2")
    with pytest.raises(ValueError, match="'mps', but this machine has cuda"):
        choose_device("mps")


def test_unknown_devices_are_refused(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    with pytest.raises(ValueError, match="'cuda', but this machine has no accelerator: use auto"):
        choose_device("cuda")
    with pytest.raises(ValueError, match="'gpu', which is not a device"):
        choose_device("gpu")
