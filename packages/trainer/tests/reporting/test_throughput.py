import pytest
import torch

from trainer.reporting.throughput import Speed, Throughput

CPU = torch.device("cpu")


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_tokens_a_second_of_the_steps_alone():
    clock = Clock()
    speed = Throughput(CPU, clock=clock)
    for _ in range(4):
        clock.now += 0.5
        speed.count(1000)
    with speed.excluded():
        clock.now += 1000
    assert speed.read() == Speed(2000.0, None)
    with pytest.raises(OSError, match="full"), speed.excluded():  # a checkpoint that fails does not count either
        clock.now += 1000
        raise OSError("full")
    clock.now += 4
    speed.count(1000)
    assert speed.read() == Speed(250.0, None)
    assert speed.read() == Speed(0.0, None)  # no time has passed


@pytest.mark.parametrize(("attention_flops", "published"), [(0, 0.457), (12 * 118 * 48 * 256 * 2048, 0.462)])
def test_the_share_of_the_peak_is_that_which_was_published(attention_flops, published):
    """PaLM 540B: 238,300 tokens a second on 6,144 chips of 275 TFLOP/s (Chowdhery et al. 2022, section 4.1)."""
    clock = Clock()
    flops_per_token = 6 * 540.35e9 + attention_flops
    speed = Throughput(CPU, flops_per_token=flops_per_token, peak_flops=275e12, num_devices=6144, clock=clock)
    speed.count(2_383_000)
    clock.now += 10
    found = speed.read()
    assert found.tokens_per_second == 238_300
    assert found.mfu == pytest.approx(published, abs=0.0005)


@pytest.mark.parametrize("known", [{"flops_per_token": 1e9}, {"peak_flops": 1e12}, {}])
def test_without_a_peak_or_flops_there_is_no_share(known):
    speed = Throughput(CPU, **known)
    speed.count(10)
    assert speed.read().mfu is None


def test_the_device_is_waited_for_only_when_the_clock_is_looked_at(monkeypatch):
    waited = []
    monkeypatch.setattr(torch.accelerator, "synchronize", waited.append)
    device = torch.device("cuda", 1)
    speed = Throughput(device)
    for _ in range(100):
        speed.count(10)
    assert waited == []
    with speed.excluded():
        assert waited == [device]
    assert waited == [device, device]
    speed.read()
    assert waited == [device] * 3
