import pytest
import torch

from trainer import TrainConfig, TrainingConfig, build_train_state
from trainer.runtime import World, computes_in_float8

CPU, CUDA = torch.device("cpu"), torch.device("cuda:0")


def test_float8_needs_a_gpu_that_has_it(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "NVIDIA A100")
    monkeypatch.setattr(torch.version, "hip", None)
    for capability, has_it in {(8, 0): False, (8, 9): True, (9, 0): True, (10, 0): True}.items():
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _, capability=capability: capability)
        assert not computes_in_float8("off", CUDA)
        if has_it:
            assert computes_in_float8("on", CUDA)
        else:
            with pytest.raises(ValueError, match=r"NVIDIA A100 of compute capability 8\.0: float8 products"):
                computes_in_float8("on", CUDA)
    monkeypatch.setattr(torch.version, "hip", "7.0")
    with pytest.raises(ValueError, match="need an NVIDIA GPU"):
        computes_in_float8("on", CUDA)


def test_a_run_in_float8_is_refused_on_a_cpu():
    with pytest.raises(ValueError, match=r"float8 is on, but the device is cpu: .* use --training.float8 off"):
        build_train_state(TrainConfig(training=TrainingConfig(float8="on")), World(), CPU)
