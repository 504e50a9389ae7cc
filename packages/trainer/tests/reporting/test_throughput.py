import pytest
import torch

from trainer.reporting.throughput import Speed, Throughput

CPU = torch.device("cpu")


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_tokens_per_second_of_the_training_steps_alone():
    clock = Clock()
    speed = Throughput(CPU, clock=clock)
    clock.now += 2
    with speed.excluded():
        clock.now += 1000
    assert speed.read(4000) == Speed(2000.0, None)
    with pytest.raises(OSError, match="full"), speed.excluded():  # a checkpoint that fails does not count either
        clock.now += 1000
        raise OSError("full")
    clock.now += 4
    assert speed.read(5000) == Speed(250.0, None)
    assert speed.read(5000) == Speed(0.0, None)  # no time has passed


def test_tokens_of_earlier_sessions_do_not_count():
    clock = Clock()
    speed = Throughput(CPU, tokens=1_000_000, clock=clock)
    clock.now += 2
    assert speed.read(1_000_500) == Speed(250.0, None)


@pytest.mark.parametrize(("attention_flops", "published"), [(0, 0.457), (12 * 118 * 48 * 256 * 2048, 0.462)])
def test_the_utilization_is_the_published_one(attention_flops, published):
    """PaLM 540B: 238,300 tokens per second on 6,144 chips of 275 TFLOP/s (Chowdhery et al. 2022, section 4.1)."""
    clock = Clock()
    flops_per_token = 6 * 540.35e9 + attention_flops
    speed = Throughput(CPU, flops_per_token=flops_per_token, peak_flops=275e12, num_devices=6144, clock=clock)
    clock.now += 10
    found = speed.read(2_383_000)
    assert found.tokens_per_second == 238_300
    assert found.mfu == pytest.approx(published, abs=0.0005)


@pytest.mark.parametrize("known", [{"flops_per_token": 1e9}, {"peak_flops": 1e12}, {}])
def test_without_a_peak_or_flops_there_is_no_utilization(known):
    speed = Throughput(CPU, **known)
    assert speed.read(10).mfu is None


def test_the_device_is_synchronized_only_when_the_clock_is_stopped_or_read(monkeypatch):
    synchronized = []
    monkeypatch.setattr(torch.accelerator, "synchronize", synchronized.append)
    device = torch.device("cuda", 1)
    speed = Throughput(device)
    assert synchronized == []
    with speed.excluded():
        assert synchronized == [device]
    assert synchronized == [device, device]
    speed.read(10)
    assert synchronized == [device] * 3
