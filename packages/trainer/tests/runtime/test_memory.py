import subprocess
import sys

import pytest
import torch

from trainer.runtime.memory import peak_memory_bytes

CPU = torch.device("cpu")
MIB = 1 << 20

PROGRAM = f"""
import torch
from trainer.runtime.memory import peak_memory_bytes
cpu = torch.device("cpu")
print(peak_memory_bytes(cpu))
held = bytearray(b"x") * (400 * {MIB})
del held
print(peak_memory_bytes(cpu))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="not reported on Windows")
def test_the_peak_of_a_process_includes_freed_memory():
    output = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True).stdout
    before, after = map(int, output.split())
    assert before > 20 * MIB
    assert 350 * MIB < after - before < 450 * MIB


def test_on_cuda_the_peak_is_that_of_tensors(monkeypatch):
    devices = []

    def max_memory_allocated(device):
        devices.append(device)
        return 123

    monkeypatch.setattr(torch.cuda, "max_memory_allocated", max_memory_allocated)
    device = torch.device("cuda", 1)
    assert peak_memory_bytes(device) == 123
    assert devices == [device]


def test_a_system_that_does_not_report_memory(monkeypatch, tmp_path):
    monkeypatch.setattr("trainer.runtime.memory._STATUS", tmp_path / "none")
    monkeypatch.setitem(sys.modules, "resource", None)
    assert peak_memory_bytes(CPU) is None
